// A client's connection to a broker, over any stream. Rejections carry the broker's own code and words (AmqpError).
import type { Duplex } from 'node:stream'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import { AmqpError, connectionError, receivedError } from '../error.ts'
import { FrameScanner } from '../frame.ts'
import { type Heartbeat, startHeartbeat } from '../heartbeat.ts'
import { readMethod } from '../method.ts'
import type { Method, MethodFields } from '../methods.ts'
import { Outbox } from '../outbox.ts'
import { frameType, protocolHeader } from '../protocol.ts'
import { ClientChannel } from './channel.ts'

export type ConnectOptions = {
  world: World
  stream: Duplex
  user: string
  password: string
  vhost: string
  /** Shown in the broker's list of connections. */
  name: string
  heartbeatSeconds?: number
}

const handshakeMs = 10_000
/** For the last octets to leave; then the socket is cut. */
const lingerMs = 2_000
const ours = { channelMax: 2047, frameMax: 131072, heartbeat: 60 }

/** Rejects where the broker refuses user, password or virtual host. */
export function connectAmqp(options: ConnectOptions): Promise<ClientConnection> {
  const connection = new ClientConnection(options)
  return connection.opened.then(() => connection)
}

export class ClientConnection {
  readonly opened: Promise<void>
  /** Resolves with the reason when it is over, whichever end ended it. */
  readonly ended: Promise<Error>
  /** Called with the reason when the broker stops reading what is published, and without one when it reads again. */
  onBlocked: (reason: string | undefined) => void = () => {}
  readonly #options: ConnectOptions
  readonly #outbox: Outbox
  readonly #scanner: FrameScanner
  readonly #channels = new Map<number, ClientChannel>()
  #resolveOpened = () => {}
  #rejectOpened: (error: Error) => void = () => {}
  #resolveEnded: (error: Error) => void = () => {}
  #endedBy: Error | undefined
  #heartbeat: Heartbeat | undefined
  #lastChannel = 0
  #channelMax = ours.channelMax
  #blocked: string | undefined
  #cancelTimer: () => void

  constructor(options: ConnectOptions) {
    this.#options = options
    const { stream, world } = options
    this.opened = new Promise((resolve, reject) => {
      this.#resolveOpened = resolve
      this.#rejectOpened = reject
    })
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve
    })
    this.#outbox = new Outbox(stream)
    this.#scanner = new FrameScanner((type, channel, buffer, start, end) =>
      this.#frame(type, channel, buffer, start, end),
    )
    const late = () => this.#end(new CloudError('timeout', 'The message broker did not answer the handshake'))
    this.#cancelTimer = world.timers.after(handshakeMs, late, { background: true })
    stream.on('data', (chunk: Buffer) => this.#receive(chunk))
    stream.on('error', (error) => this.#end(lost(error)))
    stream.on('end', () => this.#end(lost()))
    stream.on('close', () => this.#end(lost()))
    this.#outbox.raw(protocolHeader)
  }

  /** Why the broker reads nothing that is published on it, for now. */
  get blocked(): string | undefined {
    return this.#blocked
  }

  /** Nothing can be sent any more. */
  get over(): boolean {
    return this.#endedBy !== undefined
  }

  async openChannel(): Promise<ClientChannel> {
    if (this.#endedBy) throw this.#endedBy
    const channel = new ClientChannel(this.#freeChannel(), this.#outbox)
    this.#channels.set(channel.number, channel)
    await channel.ask('channel.open', {})
    return channel
  }

  /** Numbers go round, so that one just closed rests a while. */
  #freeChannel(): number {
    for (let tries = 0; tries < this.#channelMax; tries++) {
      this.#lastChannel = (this.#lastChannel % this.#channelMax) + 1
      if (this.#channels.get(this.#lastChannel)?.closedBy !== undefined) return this.#lastChannel
      if (!this.#channels.has(this.#lastChannel)) return this.#lastChannel
    }
    throw new CloudError('unavailable', 'The connection to the message broker has no channel left')
  }

  /** Says goodbye, waits for the answer, and closes the stream. */
  async close(): Promise<void> {
    if (this.#endedBy) return
    this.#outbox.method(0, 'connection.close', { replyCode: 200, replyText: 'closed by the client' })
    const late = () => this.#end(lost(new Error('the broker did not answer a close')))
    const cancel = this.#options.world.timers.after(handshakeMs, late, { background: true })
    await this.ended
    cancel()
  }

  /** Ends it without waiting for a peer that has gone silent. */
  abandon(why: string): void {
    if (this.#endedBy) return
    this.#outbox.method(0, 'connection.close', { replyCode: 200, replyText: why })
    this.#end(lost(new Error(why)))
  }

  #receive(chunk: Buffer): void {
    this.#heartbeat?.heard()
    try {
      this.#scanner.push(chunk)
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error
      this.#outbox.method(0, 'connection.close', {
        replyCode: error.code,
        replyText: error.message.slice(0, 80),
      })
      this.#end(error)
    }
  }

  #frame(type: number, number: number, buffer: Buffer, start: number, end: number): void {
    if (type === frameType.heartbeat) return
    if (number === 0) {
      this.#method(readMethod(buffer, start, end))
      return
    }
    const channel = this.#channels.get(number)
    if (!channel) throw connectionError(504, `a frame came on channel ${number}, which isn't open`)
    if (channel.closedBy) return
    if (type === frameType.method) channel.method(readMethod(buffer, start, end))
    else if (type === frameType.header) channel.header(buffer, start, end)
    else if (type === frameType.body) channel.body(buffer, start, end)
    else throw connectionError(501, `unknown frame type ${type}`)
  }

  #method({ name, fields }: Method): void {
    if (name === 'connection.start') this.#start()
    else if (name === 'connection.tune') this.#tune(fields)
    else if (name === 'connection.open-ok') {
      this.#cancelTimer()
      this.#resolveOpened()
    } else if (name === 'connection.close') {
      this.#outbox.method(0, 'connection.close-ok', {})
      this.#end(receivedError('connection', fields.replyCode, fields.replyText))
    } else if (name === 'connection.close-ok')
      this.#end(new CloudError('unavailable', 'The connection to the message broker was closed'))
    // The broker is short of memory or disk and reads publishers no more; confirms wait, so there is no more to do.
    else if (name === 'connection.blocked') this.#block(fields.reason)
    else if (name === 'connection.unblocked') this.#block(undefined)
    else throw connectionError(503, `unexpected ${name}`)
  }

  #block(reason: string | undefined): void {
    this.#blocked = reason
    this.onBlocked(reason)
  }

  #start(): void {
    const { user, password, name } = this.#options
    this.#outbox.method(0, 'connection.start-ok', {
      clientProperties: {
        product: 'Nimbo',
        connection_name: name,
        capabilities: {
          publisher_confirms: true,
          'basic.nack': true,
          consumer_cancel_notify: true,
          'connection.blocked': true,
          authentication_failure_close: true,
        },
      },
      mechanism: 'PLAIN',
      response: `\0${user}\0${password}`,
      locale: 'en_US',
    })
  }

  #tune(offer: MethodFields<'connection.tune'>): void {
    const { world, vhost } = this.#options
    const channelMax = lower(offer.channelMax, ours.channelMax)
    this.#channelMax = channelMax
    const frameMax = lower(offer.frameMax, ours.frameMax)
    const wanted = this.#options.heartbeatSeconds ?? ours.heartbeat
    const heartbeat = wanted === 0 ? 0 : lower(offer.heartbeat, wanted)
    this.#outbox.frameMax = frameMax
    this.#scanner.frameMax = frameMax
    this.#outbox.method(0, 'connection.tune-ok', { channelMax, frameMax, heartbeat })
    this.#outbox.method(0, 'connection.open', { virtualHost: vhost })
    const dead = () => this.#end(lost(new Error('the broker missed its heartbeats')))
    this.#heartbeat = startHeartbeat(world, this.#outbox, heartbeat, dead)
  }

  #end(error: Error): void {
    if (this.#endedBy) return
    this.#endedBy = error
    this.#cancelTimer()
    this.#heartbeat?.stop()
    this.#scanner.stop()
    this.#outbox.end()
    for (const channel of this.#channels.values()) channel.end(error)
    this.#rejectOpened(error)
    // Nobody may be waiting for the opening any more.
    this.opened.catch(() => {})
    this.#resolveEnded(error)
    // What was sent last still goes out; the peer's half is of no interest any more.
    const { stream, world } = this.#options
    if (stream.destroyed) return
    stream.once('finish', () => stream.destroy())
    const cancel = world.timers.after(lingerMs, () => stream.destroy(), { background: true })
    // A process that has nothing else to do would wait for it.
    stream.once('close', cancel)
  }
}

/** The lower of two limits, where zero is none. */
function lower(a: number, b: number): number {
  return a === 0 || b === 0 ? Math.max(a, b) : Math.min(a, b)
}

function lost(cause?: Error): CloudError {
  return new CloudError('unavailable', 'The connection to the message broker was lost', { cause })
}
