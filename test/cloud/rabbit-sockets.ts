// Sockets to a RabbitMQ for a cloud on virtual time, which must not move on while a message is on its way: they read along
// and know of each question, confirm and delivery that is still to come.
import { Duplex } from 'node:stream'
import { FrameScanner } from '#kit/amqp/frame.ts'
import { readMethod } from '#kit/amqp/method.ts'
import type { Method } from '#kit/amqp/methods.ts'
import { readProperties } from '#kit/amqp/property.ts'
import { frameType } from '#kit/amqp/protocol.ts'
import { realSockets } from '#kit/world/real-sockets.ts'
import type { Connection, Sockets } from '#kit/world/world.ts'

/** What doesn't come within this time after the last octet doesn't come: nobody takes it from its queue now. */
const patienceMs = 400
const protocolHeaderOctets = 8
const largestFrame = 2 ** 31

/** Messages by their id that were sent and not yet delivered, of all connections. */
type Travelling = Map<string, number>

export function rabbitSockets(): { sockets: Sockets; busy: () => boolean } {
  const travelling: Travelling = new Map()
  const connections = new Set<Watched>()
  let lastOctet = 0
  const heard = () => {
    lastOctet = performance.now()
  }
  return {
    sockets: {
      ...realSockets,
      async connect(address, options) {
        const watched = watch(await realSockets.connect(address, options), travelling, heard)
        connections.add(watched)
        watched.stream.once('close', () => connections.delete(watched))
        return watched.stream
      },
    },
    busy: () =>
      performance.now() - lastOctet < patienceMs &&
      (travelling.size > 0 || [...connections].some((each) => each.waiting() > 0)),
  }
}

type Watched = { stream: Connection; waiting(): number }
type WatchedChannel = {
  questions: number
  published: number
  unconfirmed: Set<number>
  confirming: boolean
  /** Of the content that is being sent or received. */
  sending?: Method
  receiving?: Method
  /** The message that is arriving and the octets of it that are still to come. */
  arriving?: { id: string | undefined; left: number }
}

function watch(real: Connection, travelling: Travelling, heard: () => void): Watched {
  const channels = new Map<number, WatchedChannel>()
  const channelOf = (number: number) => {
    let channel = channels.get(number)
    if (!channel) {
      channel = { questions: 0, published: 0, unconfirmed: new Set(), confirming: false }
      channels.set(number, channel)
    }
    return channel
  }
  const arrived = (id: string | undefined) => {
    if (id === undefined) return
    // What it sets going begins first.
    setImmediate(() => setImmediate(() => count(travelling, id, -1)))
  }
  const sent = scanner((type, number, buffer, start, end) => {
    const channel = channelOf(number)
    if (type === frameType.method) {
      const method = readMethod(buffer, start, end)
      if (asks(method)) channel.questions++
      if (method.name === 'confirm.select') channel.confirming = true
      if (method.name !== 'basic.publish') return
      channel.sending = method
      if (channel.confirming) channel.unconfirmed.add(++channel.published)
    } else if (type === frameType.header && channel.sending?.name === 'basic.publish') {
      const { exchange, routingKey } = channel.sending.fields
      const isTaken =
        !exchange.endsWith('_fanout') && exchange !== 'openstack' && !routingKey.endsWith('.dead')
      if (isTaken) count(travelling, messageIdIn(buffer, start, end), 1)
    }
  })
  const received = scanner((type, number, buffer, start, end) => {
    const channel = channelOf(number)
    if (type === frameType.method) {
      const method = readMethod(buffer, start, end)
      if (method.name.endsWith('-ok')) channel.questions--
      else if (method.name === 'channel.close') channels.delete(number)
      else if (method.name === 'basic.ack' || method.name === 'basic.nack') confirm(channel, method.fields)
      else if (method.name === 'basic.deliver' || method.name === 'basic.return') channel.receiving = method
    } else if (type === frameType.header && channel.receiving) {
      const left = Number(buffer.readBigUInt64BE(start + 4))
      channel.arriving = { id: messageIdIn(buffer, start, end), left }
    } else if (type === frameType.body && channel.arriving) channel.arriving.left -= end - start
    if (channel.arriving?.left === 0) {
      arrived(channel.arriving.id)
      channel.arriving = undefined
    }
  })
  let opening = protocolHeaderOctets
  const stream = new Duplex({
    read: () => void real.resume(),
    write(chunk: Buffer, _, done) {
      heard()
      sent.push(chunk.subarray(Math.min(opening, chunk.length)))
      opening = Math.max(0, opening - chunk.length)
      real.write(chunk, done)
    },
    final: (done) => void real.end(done),
    destroy(error, done) {
      real.destroy()
      done(error)
    },
  })
  real.on('data', (chunk: Buffer) => {
    heard()
    received.push(chunk)
    if (!stream.push(chunk)) real.pause()
  })
  real.on('end', () => stream.push(null))
  real.on('error', (error) => stream.destroy(error))
  real.on('close', () => stream.destroy())
  return {
    stream: Object.assign(stream, { peer: real.peer, setNoDelay: () => real.setNoDelay?.(true) }),
    waiting: () => {
      let all = 0
      for (const { questions, unconfirmed } of channels.values()) all += questions + unconfirmed.size
      return all
    },
  }
}

function scanner(sink: ConstructorParameters<typeof FrameScanner>[0]): FrameScanner {
  const scanner = new FrameScanner(sink)
  scanner.frameMax = largestFrame
  return scanner
}

const withoutAnswer = new Set([
  'basic.publish',
  'basic.ack',
  'basic.nack',
  'basic.reject',
  'connection.close',
])

function asks({ name }: Method): boolean {
  return !name.endsWith('-ok') && !withoutAnswer.has(name)
}

function confirm(
  channel: WatchedChannel,
  { deliveryTag, multiple }: { deliveryTag: number; multiple: boolean },
) {
  if (!multiple) channel.unconfirmed.delete(deliveryTag)
  else for (const tag of channel.unconfirmed) if (tag <= deliveryTag) channel.unconfirmed.delete(tag)
}

/** Of a content header: class, weight and size come before the properties. */
function messageIdIn(buffer: Buffer, start: number, end: number): string | undefined {
  return readProperties(buffer, start + 12, end).messageId
}

function count(travelling: Travelling, id: string | undefined, change: 1 | -1): void {
  if (id === undefined) return
  const left = (travelling.get(id) ?? 0) + change
  if (left > 0) travelling.set(id, left)
  else travelling.delete(id)
}
