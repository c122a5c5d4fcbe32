// A client for load: it sends prebuilt frames and looks at what comes back in place, so that it costs far less than the
// broker that is measured. Handshake and declarations go through the codec like any client's.
import { FrameScanner } from '#kit/amqp/frame.ts'
import { readMethod, writeMethod } from '#kit/amqp/method.ts'
import type { MethodFields, MethodInput, MethodName } from '#kit/amqp/methods.ts'
import { type Properties, writeProperties } from '#kit/amqp/property.ts'
import { basicClass, frameEnd, frameType, protocolHeader } from '#kit/amqp/protocol.ts'
import { Writer } from '#kit/amqp/writer.ts'
import type { Connection, World } from '#kit/world/world.ts'

const frameMax = 131072
const channel = 1

type FrameHandler = (type: number, buffer: Buffer, start: number, end: number) => void

export class LoadClient {
  /** What follows the declarations; set before load begins. */
  onFrame: FrameHandler = () => {}
  /** After each chunk that arrived: the moment to send more. */
  onChunk = () => {}
  onDrain = () => {}
  readonly #stream: Connection
  #answer: FrameHandler | undefined
  #fail: (error: Error) => void = () => {}

  constructor(stream: Connection) {
    this.#stream = stream
    stream.setNoDelay?.(true)
    const scanner = new FrameScanner((type, number, buffer, start, end) => {
      if (type === frameType.heartbeat) return
      if (number === 0 && this.#answer === undefined) this.#failed(buffer, start, end)
      else (this.#answer ?? this.onFrame)(type, buffer, start, end)
    })
    scanner.frameMax = frameMax
    stream.on('data', (octets: Buffer) => {
      scanner.push(octets)
      this.onChunk()
    })
    stream.on('drain', () => this.onDrain())
    stream.on('error', (error) => this.#fail(error))
  }

  /** The peer takes no more until `onDrain`. */
  get full(): boolean {
    return this.#stream.writableNeedDrain
  }

  send(octets: Buffer): void {
    this.#stream.write(octets)
  }

  async ask<A extends MethodName, N extends MethodName>(
    answer: A,
    name: N,
    fields: MethodInput<N>,
    number: number = channel,
  ): Promise<MethodFields<A>> {
    this.send(methodFrame(number, name, fields))
    return this.expect(answer)
  }

  expect<A extends MethodName>(answer: A): Promise<MethodFields<A>> {
    return new Promise((resolve, reject) => {
      this.#fail = reject
      this.#answer = (type, buffer, start, end) => {
        this.#answer = undefined
        const method = type === frameType.method ? readMethod(buffer, start, end) : undefined
        if (method?.name === answer) resolve(method.fields as MethodFields<A>)
        else reject(new Error(`expected ${answer}, got ${JSON.stringify(method)}`))
      }
    })
  }

  close(): void {
    this.#stream.destroy()
  }

  #failed(buffer: Buffer, start: number, end: number): void {
    throw new Error(`the broker closed a connection: ${JSON.stringify(readMethod(buffer, start, end))}`)
  }
}

export async function connectLoad(world: World, url: URL): Promise<LoadClient> {
  const client = new LoadClient(await world.sockets.connect({ host: url.hostname, port: Number(url.port) }))
  const begin = client.expect('connection.start')
  client.send(protocolHeader)
  await begin
  const response = `\0${decodeURIComponent(url.username)}\0${decodeURIComponent(url.password)}`
  const start = { clientProperties: {}, mechanism: 'PLAIN', response: Buffer.from(response), locale: 'en_US' }
  await client.ask('connection.tune', 'connection.start-ok', start, 0)
  client.send(methodFrame(0, 'connection.tune-ok', { channelMax: 2047, frameMax, heartbeat: 0 }))
  await client.ask('connection.open-ok', 'connection.open', { virtualHost: '/' }, 0)
  await client.ask('channel.open-ok', 'channel.open', {})
  return client
}

export function methodFrame<N extends MethodName>(
  number: number,
  name: N,
  fields: MethodInput<N>,
): Buffer<ArrayBufferLike> {
  const writer = new Writer()
  frame(writer, frameType.method, number, () => writeMethod(writer, name, fields))
  return writer.written()
}

/** All frames of one message, to be sent as often as wanted. */
export function messageFrames(
  route: MethodInput<'basic.publish'>,
  properties: Properties,
  body: Buffer,
): Buffer {
  const writer = new Writer(512 + body.length)
  frame(writer, frameType.method, channel, () => writeMethod(writer, 'basic.publish', route))
  frame(writer, frameType.header, channel, () => {
    writer.short(basicClass)
    writer.short(0)
    writer.longlong(body.length)
    writeProperties(writer, properties)
  })
  frame(writer, frameType.body, channel, () => writer.bytes(body))
  return writer.written()
}

function frame(writer: Writer, type: number, number: number, payload: () => void): void {
  writer.octet(type)
  writer.short(number)
  writer.long(0)
  const start = writer.at
  payload()
  writer.buffer.writeUInt32BE(writer.at - start, start - 4)
  writer.octet(frameEnd)
}
