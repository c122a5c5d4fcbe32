// Carries the messages of one queue to the queue of the same name on another broker. A message is acknowledged here only
// when it is confirmed there: whenever this ends, each is in one of the two places, and at worst in both.
import type { ClientChannel, Delivered } from '#kit/amqp/client/channel.ts'
import { asError, CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import { ownPrefix } from './plan.ts'

export type Drained = {
  carried: number
  /** Of these, those that may have been carried or consumed before: nothing marks them on the other side. */
  redelivered: number
  /** Still at the source: another consumer holds them, or the target refused them. */
  left: number
  problem?: Error
}

export type DrainOptions = {
  world: World
  source: ClientChannel
  /** With confirms. */
  target: ClientChannel
  queue: string
  /** Octets of all its messages, to bound how many are under way at once. */
  bytes?: number
}

/** Also how many at most are there twice after a move that was cut off. */
const mostUnderWay = 100
const octetsUnderWay = 32 * 1024 * 1024
const lookMs = 20
/** Messages that are there and don't come: somebody else has them, or a single active consumer stands before us. */
const patienceMs = 5_000

export async function drainQueue(options: DrainOptions): Promise<Drained> {
  const { world, source, target, queue } = options
  const waiting = await ready(source, queue)
  if (waiting === 0) return { carried: 0, redelivered: 0, left: 0 }
  const exchange = `${ownPrefix}.${world.random.hexId()}`
  await openExchange(target, exchange, queue)
  const average = options.bytes === undefined ? 0 : options.bytes / waiting
  const prefetchCount = Math.max(1, Math.min(mostUnderWay, Math.floor(octetsUnderWay / Math.max(1, average))))
  await source.ask('basic.qos', { prefetchCount })
  try {
    return await carry(options, exchange)
  } finally {
    if (!target.closedBy) await target.ask('exchange.delete', { exchange })
  }
}

/**
 * A fan-out exchange with this queue alone behind it: the routing key stays as it was, and a CC or BCC header routes
 * nothing a second time.
 */
async function openExchange(target: ClientChannel, exchange: string, queue: string): Promise<void> {
  await target.ask('exchange.declare', { exchange, type: 'fanout', autoDelete: true })
  await target.ask('queue.bind', { queue, exchange })
}

async function carry({ world, source, target, queue }: DrainOptions, exchange: string): Promise<Drained> {
  const drained: Drained = { carried: 0, redelivered: 0, left: 0 }
  let underWay = 0
  let movedAt = world.clock.monotonic()
  const arrived = (message: Delivered) => {
    underWay++
    movedAt = world.clock.monotonic()
    if (drained.problem) return
    target.forward(exchange, message.routingKey, message.content, true).then(
      (outcome) => {
        if (outcome === 'returned') {
          drained.problem = new CloudError('conflict', `the queue '${queue}' is gone from the target`)
          return
        }
        source.ack(message.deliveryTag)
        underWay--
        drained.carried++
        if (message.redelivered) drained.redelivered++
        movedAt = world.clock.monotonic()
      },
      (error: unknown) => {
        drained.problem ??= asError(error)
      },
    )
  }
  const tag = `${ownPrefix}-${queue}`.slice(0, 200)
  await source.consume(queue, tag, {}, arrived, () => {
    drained.problem ??= new CloudError('conflict', `the queue '${queue}' was deleted at the source`)
  })
  for (;;) {
    await world.timers.sleep(lookMs)
    if (drained.problem) break
    if (underWay > 0) continue
    const still = await ready(source, queue)
    if (underWay > 0) continue
    if (still === 0) break
    if (world.clock.monotonic() - movedAt > patienceMs) {
      drained.problem = new CloudError('conflict', 'they are held back from us: is there another consumer?')
      break
    }
  }
  if (drained.problem && !source.closedBy) drained.left = underWay + (await ready(source, queue))
  if (!source.closedBy) await source.cancel(tag)
  return drained
}

async function ready(channel: ClientChannel, queue: string): Promise<number> {
  return (await channel.ask('queue.declare', { queue, passive: true })).messageCount
}
