// One client's connection: handshake, frames to channels, heartbeats, and both ways of closing.
import type { Duplex } from 'node:stream'
import { AmqpError, connectionError } from '#kit/amqp/error.ts'
import { FrameScanner } from '#kit/amqp/frame.ts'
import { type Heartbeat, startHeartbeat } from '#kit/amqp/heartbeat.ts'
import { numberOf, readMethod } from '#kit/amqp/method.ts'
import type { Method } from '#kit/amqp/methods.ts'
import { Outbox } from '#kit/amqp/outbox.ts'
import { frameType, minimumFrameMax, protocolHeader } from '#kit/amqp/protocol.ts'
import type { Table } from '#kit/amqp/table.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import type { Vhost } from '../core/vhost.ts'
import type { Store } from '../store/store.ts'
import { Channel, type ChannelHost } from './channel.ts'
import { login, mechanisms } from './login.ts'
import { serverProperties } from './property.ts'
import type { User } from './user.ts'

/** What is offered to every client; 0 in its answer takes ours. */
const offer = { channelMax: 2047, frameMax: 131072 }
/** From the first octet to connection.open. */
const handshakeMs = 10_000
/** For the client's close-ok; then the socket is cut. */
const closeMs = 5_000

/** What all connections of a broker share. */
export type ConnectionHost = {
  readonly world: World
  readonly log: Log
  readonly store: Store
  readonly users: ReadonlyMap<string, User>
  readonly vhosts: ReadonlyMap<string, Vhost>
  readonly heartbeatSeconds: number
  /** Throws 530 where a limit of the user or the virtual host is reached. */
  admit(user: User, vhost: string): void
  /** The same for one more channel. */
  admitChannel(user: User): void
  /** The connection is gone. */
  ended(connection: ServerConnection): void
}

type State = 'header' | 'start' | 'tune' | 'opening' | 'open' | 'closing' | 'closed'

export class ServerConnection implements ChannelHost {
  readonly outbox: Outbox
  readonly name: string
  clientProperties: Table = {}
  readonly #host: ConnectionHost
  readonly #stream: Duplex
  readonly #scanner: FrameScanner
  readonly #channels = new Map<number, Channel>()
  #state: State = 'header'
  #header = Buffer.alloc(0)
  #user: User | undefined
  #vhost: Vhost | undefined
  #heartbeat: Heartbeat | undefined
  #channelMax = offer.channelMax
  #cancelTimer: () => void

  constructor(host: ConnectionHost, stream: Duplex, peer: string) {
    this.#host = host
    this.#stream = stream
    this.name = peer
    this.outbox = new Outbox(stream)
    this.#scanner = new FrameScanner((type, channel, buffer, start, end) =>
      this.#frame(type, channel, buffer, start, end),
    )
    this.#cancelTimer = host.world.timers.after(handshakeMs, () => this.#cut('handshake timeout'), {
      background: true,
    })
    stream.on('data', (chunk: Buffer) => this.#receive(chunk))
    stream.on('drain', () => {
      for (const channel of this.#channels.values()) channel.resume()
    })
    stream.on('error', (error) =>
      host.log.debug({ connection: peer, error: fullMessage(error) }, 'a client socket failed'),
    )
    // Half a connection is of no use: a client that ends its side has gone.
    stream.on('end', () => stream.destroy())
    stream.on('close', () => this.#ended())
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get channels(): ReadonlyMap<number, Channel> {
    return this.#channels
  }

  get vhost(): Vhost {
    return this.#vhost!
  }

  get user(): User {
    return this.#user!
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
    return this.#capable('consumer_cancel_notify')
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

  #receive(chunk: Buffer): void {
    this.#heartbeat?.heard()
    try {
      const rest = this.#state === 'header' ? this.#protocolHeader(chunk) : chunk
      if (rest.length > 0) this.#scanner.push(rest)
    } catch (error) {
      this.#fail(error, 0, 0)
    }
  }

  /** What follows the header in the chunk. */
  #protocolHeader(chunk: Buffer): Buffer {
    this.#header = Buffer.concat([this.#header, chunk])
    const wrong = !protocolHeader.subarray(0, this.#header.length).equals(this.#header.subarray(0, 8))
    if (wrong) {
      this.outbox.raw(protocolHeader)
      this.#end()
    }
    if (wrong || this.#header.length < 8) return Buffer.alloc(0)
    this.#state = 'start'
    this.outbox.method(0, 'connection.start', {
      versionMajor: 0,
      versionMinor: 9,
      serverProperties,
      mechanisms,
      locales: 'en_US',
    })
    return this.#header.subarray(8)
  }

  #frame(type: number, number: number, buffer: Buffer, start: number, end: number): void {
    if (type === frameType.heartbeat) return
    if (type !== frameType.method && type !== frameType.header && type !== frameType.body)
      throw connectionError(501, `unknown frame type ${type}`)
    if (this.#state === 'closing') this.#whileClosing(type, number, buffer, start, end)
    else if (number === 0) {
      if (type !== frameType.method) throw connectionError(505, 'channel 0 carries methods only')
      this.#connectionMethod(readMethod(buffer, start, end))
    } else if (this.#state !== 'open') throw connectionError(503, 'the connection is not open yet')
    else {
      const channel = this.#channels.get(number)
      if (channel && !channel.closed) this.#channelFrame(channel, type, buffer, start, end)
      else this.#channelLess(channel, number, type, buffer, start, end)
    }
  }

  #channelFrame(channel: Channel, type: number, buffer: Buffer, start: number, end: number): void {
    const [classId, methodId] =
      type === frameType.method ? [buffer.readUInt16BE(start), buffer.readUInt16BE(start + 2)] : [60, 40]
    try {
      if (classId === 20 && this.#channelMethod(channel, readMethod(buffer, start, end))) return
      channel.frame(type, buffer, start, end)
    } catch (error) {
      if (error instanceof AmqpError && error.scope === 'channel')
        this.#failChannel(channel, error, classId, methodId)
      else this.#fail(error, classId, methodId)
    }
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
    if (method?.name !== 'channel.open')
      throw connectionError(504, `expected 'channel.open' on channel ${number}`)
    if (number > this.#channelMax)
      throw connectionError(
        530,
        `number of channels opened (${this.#channels.size}) has reached the negotiated channel_max (${this.#channelMax})`,
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
    const expected = {
      start: 'connection.start-ok',
      tune: 'connection.tune-ok',
      opening: 'connection.open',
    } as const
    const { name, fields } = method
    if (name === 'connection.close') {
      this.#closeChannels()
      this.outbox.method(0, 'connection.close-ok', {})
      this.#end()
      return
    }
    const state = this.#state
    if ((state === 'start' || state === 'tune' || state === 'opening') && expected[state] !== name)
      throw connectionError(503, `expected ${expected[state]}, got ${name}`)
    if (name === 'connection.start-ok' && state === 'start') {
      this.clientProperties = fields.clientProperties
      this.#user = login(this.#host.users, fields.mechanism, Buffer.from(fields.response))
      this.#state = 'tune'
      this.outbox.method(0, 'connection.tune', { ...offer, heartbeat: this.#host.heartbeatSeconds })
    } else if (name === 'connection.tune-ok' && state === 'tune') this.#tuned(fields)
    else if (name === 'connection.open' && state === 'opening') this.#open(fields.virtualHost)
    else if (name === 'connection.update-secret') this.outbox.method(0, 'connection.update-secret-ok', {})
    else throw connectionError(503, `unexpected ${name}`)
  }

  #tuned(answer: { channelMax: number; frameMax: number; heartbeat: number }): void {
    if (answer.frameMax !== 0 && answer.frameMax < minimumFrameMax)
      throw connectionError(
        530,
        `negotiated frame_max = ${answer.frameMax} is lower than the minimum allowed value (${minimumFrameMax})`,
      )
    if (answer.frameMax > offer.frameMax)
      throw connectionError(
        530,
        `negotiated frame_max = ${answer.frameMax} is higher than the maximum allowed value (${offer.frameMax})`,
      )
    this.outbox.frameMax = answer.frameMax || offer.frameMax
    this.#scanner.frameMax = this.outbox.frameMax
    this.#channelMax = Math.min(answer.channelMax || offer.channelMax, offer.channelMax)
    this.#heartbeat = startHeartbeat(this.#host.world, this.outbox, answer.heartbeat, () =>
      this.#cut('missed heartbeats'),
    )
    this.#state = 'opening'
  }

  #open(name: string): void {
    const vhost = this.#host.vhosts.get(name)
    if (!vhost) throw connectionError(530, `vhost ${name} not found`)
    if (!this.user.permissions.has(name))
      throw connectionError(530, `access to vhost '${name}' refused for user '${this.user.name}'`)
    this.#host.admit(this.user, name)
    this.#vhost = vhost
    this.#state = 'open'
    this.#cancelTimer()
    this.outbox.method(0, 'connection.open-ok', {})
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
    if (this.#state === 'start' && !this.#capable('authentication_failure_close')) {
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
    this.outbox.end()
    this.#cancelTimer()
    this.#cancelTimer = this.#host.world.timers.after(closeMs, () => this.#stream.destroy(), {
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
    this.#vhost?.endSession(this)
  }

  #ended(): void {
    this.#state = 'closed'
    this.#scanner.stop()
    this.#heartbeat?.stop()
    this.#cancelTimer()
    this.#closeChannels()
    this.#host.ended(this)
  }

  #capable(name: string): boolean {
    const capabilities = this.clientProperties.capabilities as Table | undefined
    return capabilities?.[name] === true
  }
}

/** Reply texts are short strings. */
function shortText(text: string): string {
  let cut = text
  while (Buffer.byteLength(cut) > 255) cut = cut.slice(0, -1)
  return cut
}
