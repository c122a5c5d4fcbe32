// What is measured of a message broker. Each scenario declares what it needs, loads it for some seconds, and counts at the end:
// a message that was sent and didn't come fails the run.
import type { Properties } from '#kit/amqp/property.ts'
import { frameType } from '#kit/amqp/protocol.ts'
import type { World } from '#kit/world/world.ts'
import { connectLoad, type LoadClient, messageFrames, methodFrame } from './client.ts'

export type Load = { world: World; url: URL; milliseconds: number }
/** `messages` are those the broker handled: deliveries for fan-out, requests and replies for RPC. */
export type Outcome = { perSecond: number; messages: number; p50Ms?: number; p99Ms?: number }

type Run = (load: Load) => Promise<Outcome>

/** Sent and not yet received: enough to keep a broker busy, too little to measure its backlog. */
const backlogMost = 20_000
const chunkOctets = 64 * 1024
const basicDeliver = 0x003c003c
const basicAck = 0x003c0050
/** For what is under way when the time is up. */
const restMs = 30_000

export const scenarios = {
  'auto-ack, 100 B': flow({ size: 100, queues: 1 }),
  'auto-ack, 1 KB': flow({ size: 1024, queues: 1 }),
  'fan-out to ten queues, 1 KB': flow({ size: 1024, queues: 10 }),
  'persistent, confirmed, 1 KB, one publisher': confirmed({ publishers: 1, window: 256 }),
  'persistent, confirmed, 1 KB, sixteen publishers': confirmed({ publishers: 16, window: 64 }),
  'RPC, sixteen clients, 100 B': rpc({ clients: 16, size: 100 }),
} satisfies Record<string, Run>
export type ScenarioName = keyof typeof scenarios

function flow({ size, queues }: { size: number; queues: number }): Run {
  return async (load) => {
    const exchange = 'load.fanout'
    const publisher = await connectLoad(load.world, load.url)
    await publisher.ask('exchange.declare-ok', 'exchange.declare', {
      exchange,
      type: 'fanout',
      autoDelete: true,
    })
    const consumers: LoadClient[] = []
    let got = 0
    for (let at = 0; at < queues; at++) {
      const consumer = await connectLoad(load.world, load.url)
      const { queue } = await consumer.ask('queue.declare-ok', 'queue.declare', { exclusive: true })
      await consumer.ask('queue.bind-ok', 'queue.bind', { queue, exchange })
      await consumer.ask('basic.consume-ok', 'basic.consume', { queue, noAck: true })
      consumer.onFrame = (type) => {
        if (type === frameType.body) got++
      }
      consumer.onChunk = () => pump()
      consumers.push(consumer)
    }
    const message = messageFrames({ exchange }, {}, Buffer.alloc(size, 'x'))
    const perChunk = Math.max(1, Math.floor(chunkOctets / message.length))
    const chunk = Buffer.concat(Array(perChunk).fill(message))
    let sent = 0
    let sending = true
    const pump = () => {
      while (sending && !publisher.full && sent * queues - got < backlogMost) {
        publisher.send(chunk)
        sent += perChunk
      }
    }
    publisher.onDrain = pump
    const started = load.world.clock.monotonic()
    pump()
    await load.world.timers.sleep(load.milliseconds)
    const perSecond = got / ((load.world.clock.monotonic() - started) / 1000)
    sending = false
    await until(
      load,
      () => got === sent * queues,
      () => `${got} of ${sent * queues} messages came`,
    )
    for (const client of [publisher, ...consumers]) client.close()
    return { perSecond, messages: got }
  }
}

/** Durable queue, nobody consumes: what is confirmed is on disk. */
function confirmed({ publishers, window }: { publishers: number; window: number }): Run {
  return async (load) => {
    const { clock } = load.world
    const queue = 'load.confirmed'
    const owner = await connectLoad(load.world, load.url)
    await owner.ask('queue.declare-ok', 'queue.declare', { queue, durable: true })
    const message = messageFrames({ routingKey: queue }, { deliveryMode: 2 }, Buffer.alloc(1024, 'x'))
    const most = Buffer.concat(Array(window).fill(message))
    const latencies: number[] = []
    let done = 0
    let sending = true
    let outstanding = 0
    const started = clock.monotonic()
    for (let at = 0; at < publishers; at++) {
      const client = await connectLoad(load.world, load.url)
      await client.ask('confirm.select-ok', 'confirm.select', {})
      const sentAt = new Float64Array(window)
      let sent = 0
      let acknowledged = 0
      const pump = () => {
        const count = sending ? window - (sent - acknowledged) : 0
        if (count === 0) return
        client.send(most.subarray(0, count * message.length))
        const now = clock.monotonic()
        for (let each = 0; each < count; each++) sentAt[sent++ % window] = now
        outstanding += count
      }
      // Several single confirms may overtake each other only in brokers that confirm out of order: counted one by one.
      client.onFrame = (type, buffer, start) => {
        if (type !== frameType.method || buffer.readUInt32BE(start) !== basicAck)
          throw new Error('not confirmed')
        const tag = buffer.readUInt32BE(start + 8)
        const count = buffer[start + 12] === 0 ? 1 : tag - acknowledged
        const now = clock.monotonic()
        latencies.push(now - sentAt[(tag - 1) % window]!)
        acknowledged += count
        outstanding -= count
        done += count
      }
      client.onChunk = pump
      pump()
    }
    await load.world.timers.sleep(load.milliseconds)
    const perSecond = done / ((clock.monotonic() - started) / 1000)
    sending = false
    await until(
      load,
      () => outstanding === 0,
      () => `${outstanding} messages were not confirmed`,
    )
    const { messageCount } = await owner.ask('queue.delete-ok', 'queue.delete', { queue })
    if (messageCount !== done) throw new Error(`${done} messages were confirmed, ${messageCount} were kept`)
    owner.close()
    return { perSecond, messages: done, ...percentiles(latencies) }
  }
}

/** Requests through one queue, each client's replies through its own; the body's first octets name the client. */
function rpc({ clients, size }: { clients: number; size: number }): Run {
  return async (load) => {
    const { clock } = load.world
    const server = await connectLoad(load.world, load.url)
    const { queue } = await server.ask('queue.declare-ok', 'queue.declare', { exclusive: true })
    const replies: Buffer[] = []
    const latencies: number[] = []
    const all: LoadClient[] = []
    const starts: (() => void)[] = []
    let sending = true
    let waiting = 0
    for (let index = 0; index < clients; index++) {
      const client = await connectLoad(load.world, load.url)
      const { queue: replyTo } = await client.ask('queue.declare-ok', 'queue.declare', { exclusive: true })
      await client.ask('basic.consume-ok', 'basic.consume', { queue: replyTo, noAck: true })
      const body = Buffer.alloc(size)
      body.writeUInt32BE(index)
      const correlationId = `${index}`
      const request = messageFrames({ routingKey: queue }, { replyTo, correlationId }, body)
      replies.push(messageFrames({ routingKey: replyTo }, { correlationId }, body))
      let askedAt = 0
      const ask = () => {
        waiting++
        askedAt = clock.monotonic()
        client.send(request)
      }
      client.onFrame = (type) => {
        if (type !== frameType.body) return
        latencies.push(clock.monotonic() - askedAt)
        waiting--
        if (sending) ask()
      }
      starts.push(ask)
      all.push(client)
    }
    let answers: Buffer[] = []
    server.onFrame = (type, buffer, start) => {
      if (type === frameType.body) answers.push(replies[buffer.readUInt32BE(start)]!)
    }
    server.onChunk = () => {
      if (answers.length > 0) server.send(Buffer.concat(answers))
      answers = []
    }
    await server.ask('basic.consume-ok', 'basic.consume', { queue, noAck: true })
    const started = clock.monotonic()
    for (const start of starts) start()
    await load.world.timers.sleep(load.milliseconds)
    const perSecond = latencies.length / ((clock.monotonic() - started) / 1000)
    sending = false
    await until(
      load,
      () => waiting === 0,
      () => `${waiting} replies did not come`,
    )
    for (const client of [server, ...all]) client.close()
    return { perSecond, messages: latencies.length * 2, ...percentiles(latencies) }
  }
}

export type Backlog = { queue: string; count: number; size: number; persistent: boolean }

/** Leaves messages in a queue, confirmed, so that all of them are there at the end. */
export async function fill(load: Omit<Load, 'milliseconds'>, backlog: Backlog): Promise<number> {
  const { queue, count, size, persistent } = backlog
  const client = await connectLoad(load.world, load.url)
  await client.ask('queue.declare-ok', 'queue.declare', { queue, durable: persistent })
  await client.ask('confirm.select-ok', 'confirm.select', {})
  const properties: Properties = persistent ? { deliveryMode: 2 } : {}
  const message = messageFrames({ routingKey: queue }, properties, Buffer.alloc(size, 'x'))
  const perChunk = 500
  const chunk = Buffer.concat(Array(perChunk).fill(message))
  const started = load.world.clock.monotonic()
  let sent = 0
  let confirmed = 0
  await new Promise<void>((resolve) => {
    const pump = () => {
      if (confirmed === count) resolve()
      while (sent < count && sent - confirmed < backlogMost && !client.full) {
        client.send(chunk)
        sent += perChunk
      }
    }
    client.onFrame = (_type, buffer, start) => {
      const tag = buffer.readUInt32BE(start + 8)
      confirmed = buffer[start + 12] === 0 ? confirmed + 1 : tag
    }
    client.onChunk = pump
    client.onDrain = pump
    pump()
  })
  client.close()
  return count / ((load.world.clock.monotonic() - started) / 1000)
}

/** Takes all that `fill` left, and the queue with it; messages a second. */
export async function drain(
  load: Omit<Load, 'milliseconds'>,
  { queue, count, persistent }: Backlog,
): Promise<number> {
  const client = await connectLoad(load.world, load.url)
  const { messageCount } = await client.ask('queue.declare-ok', 'queue.declare', {
    queue,
    durable: persistent,
  })
  if (messageCount !== count) throw new Error(`${queue} holds ${messageCount} messages, not ${count}`)
  const started = load.world.clock.monotonic()
  let got = 0
  await new Promise<void>((resolve, reject) => {
    client.onFrame = (type, buffer, start) => {
      if (type === frameType.method && buffer.readUInt32BE(start) !== basicDeliver && got > 0)
        reject(new Error('the broker sent something else than messages'))
      if (type === frameType.body && ++got === count) resolve()
    }
    client.send(methodFrame(1, 'basic.consume', { queue, noAck: true }))
  })
  const perSecond = count / ((load.world.clock.monotonic() - started) / 1000)
  client.onFrame = () => {}
  await client.ask('queue.delete-ok', 'queue.delete', { queue })
  client.close()
  return perSecond
}

async function until(load: Load, done: () => boolean, problem: () => string): Promise<void> {
  const end = load.world.clock.monotonic() + restMs
  while (!done()) {
    if (load.world.clock.monotonic() > end) throw new Error(problem())
    await load.world.timers.sleep(10)
  }
}

function percentiles(latencies: number[]): { p50Ms: number; p99Ms: number } {
  const sorted = Float64Array.from(latencies).sort()
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}
