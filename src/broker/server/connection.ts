// One client's connection: frames to channels, heartbeats, when it is read, and both ways of closing.
import type { Duplex } from 'node:stream'
import { AmqpError, connectionError, frameError } from '#kit/amqp/error.ts'
import { FrameScanner } from '#kit/amqp/frame.ts'
import { type Heartbeat, startHeartbeat } from '#kit/amqp/heartbeat.ts'
import { numberOf, readMethod } from '#kit/amqp/method.ts'
import type { Method } from '#kit/amqp/methods.ts'
import { Outbox } from '#kit/amqp/outbox.ts'
import { frameType, protocolHeader } from '#kit/amqp/protocol.ts'
import type { Table } from '#kit/amqp/table.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Cancel, Connection, ConnectionTls } from '#kit/world/world.ts'
import type { Vhost } from '../core/vhost.ts'
import type { Store } from '../store/store.ts'
import { AlarmBlock } from './alarm-block.ts'
import { isCapable } from './capability.ts'
import { Channel, type ChannelHost } from './channel.ts'
import { beginHandshake, type ConnectionHost } from './connection-host.ts'
import { watchDeliveries } from './delivery-watch.ts'
import { checkAccess, Handshake } from './handshake.ts'
import { HeldFrames } from './held.ts'
import { Intake } from './intake.ts'
import type { Tuned } from './negotiation.ts'
import { publishMethod } from './publish.ts'
import type { ReplyChannels } from './reply-to.ts'
import type { User } from './user.ts'

/** From the first octet to connection.open. */
const handshakeMs = 10_000
/** For the client's close-ok; then the socket is cut. */
const closeMs = 5_000
/** Frames kept for channels whose answers wait for the disk; beyond it the connection waits too. */
const mostHeld = 1024 * 1024
/** Answers that a client doesn't read; beyond it nothing more that it asks is read. */
const mostUnsent = 16 * 1024 * 1024

/** For a client that said goodbye to close its socket; less where its heartbeat is shorter. */
const mostEndSeconds = 30

type State = 'handshake' | 'open' | 'closing' | 'closed'
/** RabbitMQ's names. */
export type ConnectionState =
  | 'starting'
  | 'tuning'
  | 'opening'
  | 'running'
  | 'flow'
  | 'blocked'
  | 'closing'
  | 'closed'

export class ServerConnection implements ChannelHost {
  readonly outbox: Outbox
  readonly intake: Intake
  /** 'address:port' of each end, as far as they have one. */
  readonly peer: string
  readonly local: string
  readonly tls: ConnectionTls | undefined
  /** Milliseconds of the World's clock. */
  readonly connectedAt: number
  readonly #host: ConnectionHost
  readonly #stream: Duplex
  readonly #handshake: Handshake
  readonly #block: AlarmBlock
  readonly #scanner: FrameScanner
  readonly #channels = new Map<number, Channel>()
  readonly #held = new HeldFrames()
  #state: State = 'handshake'
  #heartbeat: Heartbeat | undefined
  #cancelTimer: Cancel

  constructor(host: ConnectionHost, stream: Duplex, ends: Partial<Connection> = {}) {
    this.#host = host
    this.#stream = stream
    this.peer = ends.peer ?? 'local'
    this.local = ends.local ?? 'local'
    this.tls = ends.tls
    this.connectedAt = host.world.clock.now()
    this.outbox = new Outbox(stream)
    this.outbox.onRoom = () => this.#hasRoom()
    this.#handshake = new Handshake(host, this)
    this.intake = new Intake(stream, host.turns, host.store)
    this.#block = new AlarmBlock(host.alarms, this.intake, this.outbox)
    this.intake.onChange = (isReading) => this.#heartbeat?.listen(isReading)
    this.#scanner = new FrameScanner((type, channel, buffer, start, end) =>
      this.#frame(type, channel, buffer, start, end),
    )
    this.#cancelTimer = host.world.timers.after(handshakeMs, () => this.#cut('handshake timeout'), {
      background: true,
    })
    stream.on('data', (chunk: Buffer) => this.#receive(chunk))
    stream.on('error', (error) =>
      host.log.debug({ connection: this.name, error: fullMessage(error) }, 'a client socket failed'),
    )
    // Half a connection is of no use: a client that ends its side has gone.
    stream.on('end', () => stream.destroy())
    stream.on('close', () => this.#ended())
    beginHandshake(host, this)
  }

  get #awaitsHeader(): boolean {
    return this.#state === 'handshake' && this.#handshake.stage === 'header'
  }

  get name(): string {
    return `${this.peer} -> ${this.local}`
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get state(): ConnectionState {
    if (this.#state === 'open') {
      if (this.#block.isBlocked) return 'blocked'
      return this.intake.isHeldUp ? 'flow' : 'running'
    }
    if (this.#state !== 'handshake') return this.#state
    const { stage } = this.#handshake
    if (stage === 'tune-ok') return 'tuning'
    return stage === 'open' ? 'opening' : 'starting'
  }

  get channels(): ReadonlyMap<number, Channel> {
    return this.#channels
  }

  get vhost(): Vhost {
    return this.#handshake.vhost!
  }

  get user(): User {
    return this.#handshake.user!
  }

  get clientProperties(): Table {
    return this.#handshake.clientProperties
  }

  get mechanism(): string {
    return this.#handshake.mechanism
  }

  get tuned(): Tuned {
    return this.#handshake.tuned
  }

  get store(): Store {
    return this.#host.store
  }

  get session(): object {
    return this
  }

  get reading(): boolean {
    return !this.outbox.full
  }

  get cancelNotify(): boolean {
    return isCapable(this.clientProperties, 'consumer_cancel_notify')
  }

  get replyChannels(): ReplyChannels {
    return this.#host.replyChannels
  }

  randomName(prefix: string): string {
    return prefix + this.#host.world.random.bytes(16).toString('base64url')
  }

  /** Closes with a reply code, as for an operator or at shutdown. */
  close(error: AmqpError): void {
    this.#fail(error, 0, 0)
  }

  /** Without a word. */
  destroy(): void {
    this.#stream.destroy()
  }

  answered(channel: Channel): void {
    const waits = () => channel.waiting && !channel.closed
    try {
      this.#held.give(channel, waits, (frame) =>
        this.#frame(frame[0]!, channel.number, frame, 7, frame.length - 1),
      )
    } catch (error) {
      this.#fail(error, 0, 0)
    }
    if (this.#held.octets < mostHeld / 2) this.intake.resume('channel')
  }

  delivering(channel: Channel): void {
    const { world, consumerTimeoutMs } = this.#host
    channel.watch =
      consumerTimeoutMs === 0
        ? () => {}
        : watchDeliveries(world, channel, consumerTimeoutMs, (error) =>
            this.#failChannel(channel, error, 0, 0),
          )
  }

  #receive(chunk: Buffer): void {
    this.#heartbeat?.heard()
    this.intake.received(chunk.length)
    const { given } = this.#host.store
    try {
      const rest = this.#awaitsHeader ? this.#protocolHeader(chunk) : chunk
      if (rest.length > 0) this.#scanner.push(rest)
    } catch (error) {
      this.#fail(error, 0, 0)
    }
    this.intake.handled(chunk.length, given)
    if (this.#block.isWatching) this.intake.keepPace()
    if (this.outbox.unsentOctets > mostUnsent) this.intake.pause('outbox')
  }

  /** The peer has read: consumers get more, and its questions are read again. */
  #hasRoom(): void {
    this.intake.resume('outbox')
    for (const channel of this.#channels.values()) channel.resume()
  }

  #protocolHeader(chunk: Buffer): Buffer {
    const rest = this.#handshake.takeHeader(chunk)
    if (rest) return rest
    this.outbox.raw(protocolHeader)
    this.#end()
    return Buffer.alloc(0)
  }

  #frame(type: number, number: number, buffer: Buffer, start: number, end: number): void {
    if (type !== frameType.method && type !== frameType.header && type !== frameType.body) {
      if (type !== frameType.heartbeat) throw frameError(`unknown frame type ${type}`)
      if (end > start) throw frameError('a heartbeat has octets of its own')
      if (number !== 0) throw connectionError(505, 'a heartbeat came on a channel')
      return
    }
    if (type === frameType.method && end - start < 4) throw frameError('a method frame is too short')
    if (this.#state === 'closing') this.#whileClosing(type, number, buffer, start, end)
    else if (number === 0) {
      if (type !== frameType.method) throw connectionError(505, 'channel 0 carries methods only')
      try {
        this.#connectionMethod(readMethod(buffer, start, end))
      } catch (error) {
        this.#fail(error, buffer.readUInt16BE(start), buffer.readUInt16BE(start + 2))
      }
    } else if (this.#state !== 'open') throw connectionError(503, 'the connection is not open yet')
    else {
      const channel = this.#channels.get(number)
      if (!channel || channel.closed) this.#channelLess(channel, number, type, buffer, start, end)
      else if (channel.waiting) this.#hold(channel, buffer, start, end)
      else this.#channelFrame(channel, type, buffer, start, end)
    }
  }

  #channelFrame(channel: Channel, type: number, buffer: Buffer, start: number, end: number): void {
    // Class and method in one number; content belongs to basic.publish.
    const method = type === frameType.method ? buffer.readUInt32BE(start) : publishMethod
    const classId = method >>> 16
    try {
      if (classId === 20 && this.#channelMethod(channel, readMethod(buffer, start, end))) return
      channel.frame(type, buffer, start, end)
      if (method === publishMethod && !this.#block.isWatching)
        this.#block.watch(isCapable(this.clientProperties, 'connection.blocked'))
    } catch (error) {
      if (error instanceof AmqpError && error.scope === 'channel')
        this.#failChannel(channel, error, classId, method & 0xffff)
      else this.#fail(error, classId, method & 0xffff)
    }
  }

  /** The channel's answer waits for the disk; what follows its question stays in order behind it. */
  #hold(channel: Channel, buffer: Buffer, start: number, end: number): void {
    this.#held.keep(channel, buffer, start, end)
    if (this.#held.octets > mostHeld) this.intake.pause('channel')
  }

  /** Channel.open, or what still arrives on a channel that we have closed. */
  #channelLess(
    closed: Channel | undefined,
    number: number,
    type: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    const method = type === frameType.method ? readMethod(buffer, start, end) : undefined
    if (closed) {
      if (method?.name === 'channel.close') this.outbox.method(number, 'channel.close-ok', {})
      if (method?.name === 'channel.close-ok' || method?.name === 'channel.close')
        this.#channels.delete(number)
      return
    }
    // Crossed with a close of its own that we have answered.
    if (method?.name === 'channel.close-ok') return
    if (!method) throw connectionError(505, 'expected method frame, got non method frame instead')
    if (method.name !== 'channel.open') throw connectionError(504, "expected 'channel.open'")
    if (number > this.tuned.channelMax)
      throw connectionError(
        530,
        `number of channels opened (${this.#channels.size}) has reached the negotiated channel_max (${this.tuned.channelMax})`,
      )
    this.#host.admitChannel(this.user)
    this.#channels.set(number, new Channel(number, this))
    this.outbox.method(number, 'channel.open-ok', {})
  }

  /** Whether it was a method of the channel's own life. */
  #channelMethod(channel: Channel, method: Method): boolean {
    if (method.name === 'channel.open') throw connectionError(504, "second 'channel.open' seen")
    if (method.name !== 'channel.close') return method.name === 'channel.flow-ok'
    channel.close()
    this.#channels.delete(channel.number)
    this.outbox.method(channel.number, 'channel.close-ok', {})
    return true
  }

  #connectionMethod(method: Method): void {
    const { name } = method
    if (name === 'connection.close') {
      this.#closeChannels()
      this.outbox.method(0, 'connection.close-ok', {})
      this.#awaitEnd()
    } else if (this.#state === 'handshake') {
      this.#handshake.take(method)
      if (name === 'connection.tune-ok') this.#beat()
      if (name === 'connection.open') this.#opened()
    } else if (name === 'connection.update-secret') this.#updateSecret()
    else throw connectionError(504, 'unexpected method in connection state running')
  }

  #beat(): void {
    const { frameMax, heartbeatSeconds } = this.tuned
    this.outbox.frameMax = frameMax
    this.#scanner.frameMax = frameMax
    this.#heartbeat = startHeartbeat(this.#host.world, this.outbox, heartbeatSeconds, () =>
      this.#cut('missed heartbeats'),
    )
  }

  #opened(): void {
    this.#state = 'open'
    this.#host.handshakes.delete(this)
    this.#cancelTimer()
  }

  /**
   * Passwords don't run out, so the new one isn't compared, as RabbitMQ does with its own users; whether the user is
   * still there and still has a right to be here is looked at.
   */
  #updateSecret(): void {
    if (this.#host.users.get(this.user.name) !== this.user)
      throw connectionError(530, 'New secret was refused by one of the backends')
    checkAccess(this.user, this.vhost.name)
    this.outbox.method(0, 'connection.update-secret-ok', {})
  }

  #failChannel(channel: Channel, error: AmqpError, classId: number, methodId: number): void {
    this.#host.log.debug(
      { connection: this.name, channel: channel.number, error: error.message },
      'a channel was closed with an error',
    )
    channel.close()
    const replyText = shortText(error.message)
    this.outbox.method(channel.number, 'channel.close', {
      replyCode: error.code,
      replyText,
      classId,
      methodId,
    })
    // A close of the client's own may be among what waited.
    this.answered(channel)
  }

  #fail(thrown: unknown, classId: number, methodId: number): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    const error =
      thrown instanceof AmqpError ? thrown : connectionError(541, 'an error of the broker; its log has it')
    if (error === thrown)
      this.#host.log.info(
        { connection: this.name, error: error.message },
        'a connection was closed with an error',
      )
    else
      this.#host.log.error(
        { connection: this.name, error: thrown instanceof Error ? thrown.stack : thrown },
        'the broker failed on a frame',
      )
    this.#closeChannels()
    if (
      this.#handshake.stage === 'start-ok' &&
      !isCapable(this.clientProperties, 'authentication_failure_close')
    ) {
      this.#cut(error.message)
      return
    }
    this.#state = 'closing'
    this.outbox.method(0, 'connection.close', {
      replyCode: error.code,
      replyText: shortText(error.message),
      classId,
      methodId,
    })
    this.#cancelTimer()
    this.#cancelTimer = this.#host.world.timers.after(closeMs, () => this.#cut('no close-ok'), {
      background: true,
    })
    this.intake.stop()
    // What follows an octet that is no frame can't be read; otherwise the client's close-ok is awaited.
    if (error.code === 501) this.#end()
  }

  #whileClosing(type: number, number: number, buffer: Buffer, start: number, end: number): void {
    if (type !== frameType.method || number !== 0 || end - start < 4) return
    const { classId, methodId } = numberOf('connection.close')
    if (buffer.readUInt16BE(start) !== classId) return
    const method = buffer.readUInt16BE(start + 2)
    if (method === methodId) this.outbox.method(0, 'connection.close-ok', {})
    if (method === methodId || method === numberOf('connection.close-ok').methodId) this.#end()
  }

  /** Sends what is left; the client then closes its half. */
  #end(): void {
    this.#state = 'closed'
    this.#scanner.stop()
    this.#heartbeat?.stop()
    this.intake.stop()
    this.outbox.end()
    this.#cancelTimer()
    this.#cancelTimer = this.#host.world.timers.after(closeMs, () => this.#stream.destroy(), {
      background: true,
    })
  }

  /** The client has said goodbye: it closes the socket. If we did so first, our end could overtake its own. */
  #awaitEnd(): void {
    this.#state = 'closed'
    this.#scanner.stop()
    this.#heartbeat?.stop()
    this.intake.stop()
    this.#cancelTimer()
    const seconds = Math.min(this.tuned.heartbeatSeconds || mostEndSeconds, mostEndSeconds)
    this.#cancelTimer = this.#host.world.timers.after(seconds * 1000, () => this.#stream.destroy(), {
      background: true,
    })
  }

  #cut(why: string): void {
    this.#host.log.info({ connection: this.name, why }, 'a client connection was cut')
    this.#scanner.stop()
    this.#stream.destroy()
  }

  #closeChannels(): void {
    for (const channel of this.#channels.values()) channel.close()
    this.#channels.clear()
    this.#held.clear()
    this.#block.stop()
    this.#handshake.vhost?.endSession(this)
  }

  #ended(): void {
    this.#state = 'closed'
    this.#scanner.stop()
    this.#heartbeat?.stop()
    this.intake.stop()
    this.#cancelTimer()
    this.#closeChannels()
    this.#host.handshakes.delete(this)
    this.#host.ended(this)
  }
}

/** Reply texts are short strings. */
function shortText(text: string): string {
  let cut = text
  while (Buffer.byteLength(cut) > 255) cut = cut.slice(0, -1)
  return cut
}
