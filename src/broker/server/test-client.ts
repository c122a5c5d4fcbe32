// For tests: a client that sends what it is told, right or wrong, and keeps everything that the broker says.
import type { Duplex } from 'node:stream'
import { bodyOf, ContentAssembler, makeContent } from '#kit/amqp/content.ts'
import { FrameScanner } from '#kit/amqp/frame.ts'
import { readMethod } from '#kit/amqp/method.ts'
import type { Method, MethodFields, MethodInput, MethodName } from '#kit/amqp/methods.ts'
import { Outbox } from '#kit/amqp/outbox.ts'
import type { Properties } from '#kit/amqp/property.ts'
import { frameType, protocolHeader } from '#kit/amqp/protocol.ts'

export type RawClient = {
  readonly stream: Duplex
  readonly outbox: Outbox
  /** Names of methods with their channels, in the order in which they came: '1 queue.declare-ok'. */
  readonly heard: string[]
  readonly methods: Method[]
  readonly bodies: Buffer[]
  readonly closed: boolean
  say<N extends MethodName>(name: N, fields?: MethodInput<N>, channel?: number): void
  publish(exchange: string, routingKey: string, body: Buffer, properties?: Properties, channel?: number): void
  /** The next one of that name from now on, or one that came and nobody asked for. */
  hear<N extends MethodName>(name: N): Promise<MethodFields<N>>
  /** Stops and starts taking what the broker sends. */
  pause(): void
  resume(): void
}

export type Handshake = {
  user?: string
  password?: string
  vhost?: string
  capabilities?: Record<string, boolean>
  frameMax?: number
  heartbeat?: number
  mechanism?: string
  response?: string
}

export function rawClient(stream: Duplex): RawClient {
  const outbox = new Outbox(stream)
  outbox.frameMax = 131072
  const heard: string[] = []
  const methods: Method[] = []
  const unasked: Method[] = []
  const bodies: Buffer[] = []
  const assembler = new ContentAssembler()
  let waiting: { name: string; resolve: (fields: never) => void }[] = []
  let closed = false
  const scanner = new FrameScanner((type, channel, buffer, start, end) => {
    if (type === frameType.heartbeat) return
    if (type !== frameType.method) {
      const content =
        type === frameType.header ? assembler.header(buffer, start, end) : assembler.body(buffer, start, end)
      if (content) bodies.push(Buffer.from(bodyOf(content)))
      return
    }
    const method = readMethod(buffer, start, end)
    heard.push(`${channel} ${method.name}`)
    methods.push(method)
    const next = waiting.find(({ name }) => name === method.name)
    if (next) {
      waiting = waiting.filter((each) => each !== next)
      next.resolve(method.fields as never)
    } else unasked.push(method)
  })
  scanner.frameMax = 131072
  stream.on('data', (chunk: Buffer) => {
    if (chunk.equals(protocolHeader)) heard.push('protocol header')
    else scanner.push(chunk)
  })
  stream.on('error', () => {})
  stream.on('close', () => {
    closed = true
  })
  return {
    stream,
    outbox,
    heard,
    methods,
    bodies,
    get closed() {
      return closed
    },
    say: (name, fields = {}, channel = name.startsWith('connection.') ? 0 : 1) =>
      outbox.method(channel, name, fields),
    publish(exchange, routingKey, body, properties = {}, channel = 1) {
      outbox.method(channel, 'basic.publish', { exchange, routingKey })
      outbox.content(channel, makeContent(properties, body, outbox.frameMax))
    },
    hear(name) {
      const at = unasked.findIndex((method) => method.name === name)
      if (at >= 0) return Promise.resolve(unasked.splice(at, 1)[0]!.fields as never)
      return new Promise((resolve) => waiting.push({ name, resolve }))
    },
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
  }
}

/** Up to and with channel 1. */
export async function openRaw(stream: Duplex, handshake: Handshake = {}): Promise<RawClient> {
  const client = rawClient(stream)
  const { user = 'nimbo', password = 'secret', vhost = '/', capabilities = {} } = handshake
  const { mechanism = 'PLAIN', response = `\0${user}\0${password}` } = handshake
  client.outbox.raw(protocolHeader)
  client.say('connection.start-ok', { clientProperties: { capabilities }, mechanism, response })
  const { frameMax = 0, heartbeat = 0 } = handshake
  client.say('connection.tune-ok', { frameMax, heartbeat })
  if (frameMax > 0) client.outbox.frameMax = frameMax
  client.say('connection.open', { virtualHost: vhost })
  client.say('channel.open')
  await client.hear('channel.open-ok')
  return client
}
