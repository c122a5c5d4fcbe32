// Queues against a model of a few lines, over a store with next to no memory: everything that waits is written out and
// read back. The model says what is next at every delivery, and what has gone and why.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bodyOf, makeContent } from '#kit/amqp/content.ts'
import type { Table } from '#kit/amqp/table.ts'
import { silentLog } from '#kit/log/log.ts'
import { seededRandom, virtualWorld } from '#kit/world/virtual.ts'
import { openDiskStore } from '../store/disk-store.ts'
import { powerCut } from '../store/power-cut.ts'
import { Message } from './message.ts'
import { type Consumer, type Entry, Queue, type QueueHost } from './queue.ts'
import { queueLimits } from './queue-argument.ts'
import { queueShape } from './queue-shape.ts'

type Known = {
  id: number
  priority: number
  expiresAt: number
  redelivered: boolean
  returns: number
  body: Buffer
  /** Counted as persistent. */
  isKept: boolean
}
type Taker = Consumer & { room: number; held: Entry[]; joined: number }

const publish = fc.record({
  publish: fc.record({
    priority: fc.constantFrom(0, 0, 1, 2, 5),
    ttl: fc.constantFrom(undefined, undefined, 0, 30, 100),
    size: fc.constantFrom(0, 10, 700),
    persistent: fc.boolean(),
  }),
})
const step = fc.oneof(
  { weight: 8, arbitrary: publish },
  fc.record({
    join: fc.record({ noAck: fc.boolean(), priority: fc.constantFrom(0, 0, 3), room: fc.nat(4) }),
  }),
  fc.record({ leave: fc.nat() }),
  { weight: 4, arbitrary: fc.record({ ack: fc.nat() }) },
  fc.record({ reject: fc.nat() }),
  { weight: 2, arbitrary: fc.record({ giveBack: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }) }) },
  fc.record({ get: fc.boolean() }),
  fc.record({ wait: fc.constantFrom(0, 20, 60) }),
  fc.record({ limit: fc.constantFrom(undefined, 1, 4) }),
  { weight: 1, arbitrary: fc.record({ purge: fc.constant(true) }) },
)
const kinds: Table[] = [
  {},
  { 'x-max-priority': 3 },
  { 'x-max-length': 3 },
  { 'x-max-length': 3, 'x-overflow': 'reject-publish' },
  { 'x-message-ttl': 50 },
  { 'x-single-active-consumer': true },
  { 'x-queue-type': 'quorum', 'x-delivery-limit': 2 },
]

test('a queue does what the model says', async () => {
  const runs = fc.asyncProperty(
    fc.constantFrom(...kinds),
    fc.array(step, { minLength: 20, maxLength: 80 }),
    async (table, steps) => {
      const bench = await openBench(table)
      for (const each of steps) await bench.run(each)
      await bench.end()
    },
  )
  await fc.assert(runs, { numRuns: 150 })
})

async function openBench(table: Table) {
  // What waits for an acknowledgement is work in flight, for which the virtual clock would wait.
  const inner = virtualWorld()
  const activity = {
    ...inner.activity,
    count: 0,
    track: async <T>(work: Promise<T>) => work,
    begin: () => () => {},
  }
  const world = { ...inner, files: powerCut(seededRandom(1), Infinity).files, activity }
  const store = await openDiskStore({
    world,
    log: silentLog,
    folder: '/s',
    segmentBytes: 2000,
    memoryBytes: 1,
  })
  const arguments_ = { ...table, 'x-dead-letter-exchange': 'dlx' }
  const spec = { name: 'q', durable: true, exclusive: false, autoDelete: false, arguments: arguments_ }
  const { 'x-max-priority': mostUrgent = 0, 'x-message-ttl': queueTtl = Infinity } = table as Record<
    string,
    number
  >
  const isQuorum = table['x-queue-type'] === 'quorum'
  let max = (table['x-max-length'] as number | undefined) ?? Infinity
  const refusesMore = table['x-overflow'] === 'reject-publish'

  const ready: Known[] = []
  const known = new Map<number, Known>()
  const [buried, expectedBuried]: [string[], string[]] = [[], []]
  const host: QueueHost = {
    world,
    segments: store.segments,
    deadLetter: (_queue, message, reason) => void buried.push(`${idOf(message)} ${reason}`),
    unused() {},
  }
  const queue = new Queue(
    host,
    store.nextQueueId(),
    spec,
    queueShape(spec, 'q', 'n'),
    queueLimits(arguments_),
    undefined,
  )
  const takers: Taker[] = []
  const gotten: Entry[] = []
  let last = 0

  const bury = (reason: string) => expectedBuried.push(`${ready.shift()!.id} ${reason}`)
  const dropExpired = () => {
    while (ready.length > 0 && ready[0]!.expiresAt <= world.clock.now()) bury('expired')
  }
  const dropOver = () => {
    while (!refusesMore && ready.length > max) bury('maxlen')
    dropExpired()
  }
  const putBack = (each: Known) => {
    const before = (other: Known) =>
      other.priority > each.priority || (other.priority === each.priority && other.id < each.id)
    const at = ready.findIndex((other) => !before(other))
    ready.splice(at < 0 ? ready.length : at, 0, each)
  }
  const given = (entry: Entry): void => {
    dropExpired()
    const next = ready.shift()
    const { message, redelivered } = entry
    const count = message.properties.headers?.['x-delivery-count'] ?? 0
    expect([idOf(message), redelivered, count]).toEqual([next?.id, next?.redelivered, next?.returns])
    expect(bodyOf(message.content).equals(next!.body)).toBe(true)
  }
  const mayTake = () => {
    const free = takers.filter((taker) => taker.ready)
    if (table['x-single-active-consumer']) return free.filter((taker) => taker === queue.activeConsumer)
    return free.filter((taker) => free.every((other) => other.priority <= taker.priority))
  }
  const heldKept = () =>
    [...takers.flatMap(({ held }) => held), ...gotten]
      .map(({ message }) => known.get(idOf(message))!)
      .filter(({ isKept }) => isKept)
  const takeHeld = (chosen: number): Entry | undefined => {
    const holders = [...takers.map((taker) => taker.held), gotten].filter((held) => held.length > 0)
    const held = holders[chosen % (holders.length || 1)]
    return held?.splice(chosen % held.length, 1)[0]
  }

  const run = async (each: typeof step extends fc.Arbitrary<infer T> ? T : never): Promise<void> => {
    if ('publish' in each) {
      const { priority, ttl, size, persistent } = each.publish
      expect(queue.refuses).toBe(refusesMore && ready.length + 1 > max)
      if (queue.refuses) return
      const id = ++last
      const body = Buffer.alloc(size, `${id} `)
      const isNext = ready.length === 0 && mayTake().length > 0
      const time = Math.min(queueTtl, ttl ?? Infinity)
      putBack({
        id,
        priority: Math.min(priority, mostUrgent),
        // Handed on at once it can't be too late.
        expiresAt: isNext ? Infinity : world.clock.now() + time,
        redelivered: false,
        returns: 0,
        body,
        isKept: persistent || isQuorum,
      })
      known.set(id, { ...ready.find((one) => one.id === id)!, expiresAt: world.clock.now() + time })
      const properties = {
        messageId: String(id),
        priority,
        deliveryMode: persistent ? 2 : 1,
        ...(ttl === undefined ? {} : { expiration: String(ttl) }),
      }
      const message = new Message('', 'q', Buffer.from([0, 1, 113]), makeContent(properties, body, 131072))
      if (!queue.handOver(message)) {
        store.place(message, 1, queue.keeps(message) ? [queue.id] : [])
        queue.push(message)
      }
    } else if ('join' in each) {
      const taker: Taker = {
        ...each.join,
        exclusive: false,
        held: [],
        joined: ++last,
        get ready() {
          return this.noAck ? this.room > 0 : this.held.length < this.room
        },
        deliver(entry) {
          expect(mayTake()).toContain(this)
          given(entry)
          if (this.noAck) this.room--
          else this.held.push(entry)
        },
        cancelled() {},
      }
      takers.push(taker)
      queue.addConsumer(taker)
    } else if ('leave' in each) {
      const [taker] = takers.splice(each.leave % (takers.length || 1), 1)
      if (!taker) return
      gotten.push(...taker.held)
      queue.removeConsumer(taker)
    } else if ('ack' in each) {
      const entry = takeHeld(each.ack)
      if (entry) queue.settle(entry)
      queue.dispatch()
    } else if ('reject' in each) {
      const entry = takeHeld(each.reject)
      if (!entry) return
      expectedBuried.push(`${idOf(entry.message)} rejected`)
      queue.reject(entry)
      queue.dispatch()
    } else if ('giveBack' in each) {
      const entries = each.giveBack.map(takeHeld).filter((entry) => entry !== undefined)
      for (const entry of entries) {
        const one = known.get(idOf(entry.message))!
        one.redelivered = true
        if (isQuorum) one.returns++
        if (isQuorum && one.returns > 2) expectedBuried.push(`${one.id} delivery_limit`)
        else putBack({ ...one })
      }
      queue.requeue(entries)
    } else if ('get' in each) {
      dropExpired()
      const isThere = ready.length > 0
      const entry = queue.take(each.get)
      expect(entry !== undefined).toBe(isThere)
      if (!entry) return
      given(entry)
      if (each.get) queue.settle(entry, false)
      else gotten.push(entry)
    } else if ('wait' in each) {
      await world.advance(each.wait)
    } else if ('limit' in each) {
      max = each.limit ?? Infinity
      queue.setLimits({ ...queue.limits, maxLength: each.limit })
    } else {
      expect(queue.purge()).toBe(ready.length)
      ready.length = 0
    }
    dropExpired()
    dropOver()
    expect(buried).toEqual(expectedBuried)
    expect(queue.messageCount).toBe(ready.length)
    expect(queue.readyBytes).toBe(ready.reduce((sum, { body }) => sum + body.length, 0))
    const waiting = ready.filter(({ isKept }) => isKept)
    expect([queue.persistentCount, queue.persistentBytes]).toEqual([
      waiting.length + heldKept().length,
      sizeOf(waiting) + sizeOf(heldKept()),
    ])
    expect(queue.unacked).toBe(takers.reduce((sum, { held }) => sum + held.length, gotten.length))
    // Nobody who could have it waits beside a message that could be had.
    if (ready.length > 0) expect(mayTake()).toEqual([])
  }
  return {
    run,
    async end() {
      for (const taker of takers) taker.room = 0
      for (const taker of takers.splice(0)) {
        gotten.push(...taker.held)
        queue.removeConsumer(taker)
      }
      for (const entry of gotten.splice(0)) queue.settle(entry)
      queue.purge()
      queue.rest()
      await store.close()
      // Everything was let go of, so nothing but the last segment is left.
      const left = (await world.files.list('/s')).filter((name) => name.endsWith('.passing'))
      expect(left.length).toBeLessThanOrEqual(1)
    },
  }
}

function sizeOf(messages: readonly Known[]): number {
  return messages.reduce((sum, { body }) => sum + body.length, 0)
}

function idOf(message: Message): number {
  return Number(message.properties.messageId)
}
