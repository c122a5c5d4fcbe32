// Queues and exchanges as publishers and consumers see them.
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import type { ClientChannel } from '#kit/amqp/client/channel.ts'
import type { Properties } from '#kit/amqp/property.ts'
import type { Table } from '#kit/amqp/table.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import type { Timers } from '#kit/world/world.ts'
import { consumer, type TestBroker, testBroker } from '../test-broker.ts'
import { TopicTrie } from './topic.ts'

let brokers: TestBroker[] = []
afterEach(async () => {
  for (const { broker } of brokers) await broker.close()
  brokers = []
})
async function start(): Promise<TestBroker> {
  const started = await testBroker()
  brokers.push(started)
  return started
}

async function declare(channel: ClientChannel, queue: string, table: Table = {}): Promise<void> {
  await channel.ask('queue.declare', { queue, arguments: table })
}

async function send(
  channel: ClientChannel,
  queue: string,
  texts: string[],
  properties: Properties = {},
): Promise<void> {
  for (const text of texts) await channel.publish('', queue, properties, Buffer.from(text))
}

async function depth(channel: ClientChannel, queue: string): Promise<number> {
  return (await channel.ask('queue.declare', { queue, passive: true })).messageCount
}

describe('consumers', () => {
  test('take turns, and each gets its messages in order', async () => {
    const parts = await start()
    const channel = await parts.channel()
    await declare(channel, 'q')
    const consumers = [await consumer(await parts.channel(), 'q'), await consumer(await parts.channel(), 'q')]
    await send(channel, 'q', ['a', 'b', 'c', 'd'])
    for (const each of consumers) await each.count(2)
    expect(consumers.map((each) => each.bodies())).toEqual([
      ['a', 'c'],
      ['b', 'd'],
    ])
  })

  test('get no more than their prefetch, and what they do not acknowledge goes back in order', async () => {
    const parts = await start()
    const channel = await parts.channel()
    await declare(channel, 'q')
    await send(channel, 'q', ['a', 'b', 'c', 'd', 'e'])
    const connection = await parts.connect()
    const dying = await connection.openChannel()
    await dying.ask('basic.qos', { prefetchCount: 3 })
    const first = await consumer(dying, 'q')
    await first.count(3)
    expect(await depth(channel, 'q')).toBe(2)
    dying.ack(2)
    expect((await first.count(4)).map(({ body }) => `${body}`)).toEqual(['a', 'b', 'c', 'd'])
    await connection.close()
    const heir = await consumer(channel, 'q', { noAck: true })
    const rest = await heir.count(4)
    expect(rest.map(({ body, redelivered }) => [`${body}`, redelivered])).toEqual([
      ['a', true],
      ['c', true],
      ['d', true],
      ['e', false],
    ])
  })

  test('share a prefetch for the whole channel', async () => {
    const parts = await start()
    const channel = await parts.channel()
    for (const queue of ['one', 'two']) await declare(channel, queue)
    const limited = await parts.channel()
    await limited.ask('basic.qos', { prefetchCount: 2, global: true })
    const both = [await consumer(limited, 'one'), await consumer(limited, 'two')]
    await send(channel, 'one', ['a', 'b'])
    await send(channel, 'two', ['c', 'd'])
    await both[0]!.count(2)
    expect(await depth(channel, 'two')).toBe(2)
    limited.tell('basic.ack', { deliveryTag: 0, multiple: true })
    expect((await both[1]!.count(2)).map(({ body }) => `${body}`)).toEqual(['c', 'd'])
  })

  test('a consumer is told when its queue is deleted; an exclusive one lets no other in', async () => {
    const parts = await start()
    const channel = await parts.channel()
    await declare(channel, 'q')
    const sole = await consumer(channel, 'q', { exclusive: true })
    const other = await parts.channel()
    await expect(consumer(other, 'q')).rejects.toMatchObject({
      message: "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use",
    })
    await channel.ask('queue.delete', { queue: 'q' })
    expect(sole.cancelled).toBe(true)
  })

  test('a slow reader does not get everything pushed into its socket', async () => {
    const parts = await start()
    const channel = await parts.channel()
    await declare(channel, 'q')
    const stream = parts.stream()
    const pending = import('#kit/amqp/client/connection.ts').then(({ connectAmqp }) =>
      connectAmqp({
        world: parts.world,
        stream,
        user: 'nimbo',
        password: 'secret',
        vhost: '/',
        name: 'slow',
      }),
    )
    const slow = await (await pending).openChannel()
    const reader = await consumer(slow, 'q', { noAck: true })
    stream.pause()
    await channel.confirmPublishing()
    const body = Buffer.alloc(100_000)
    for (let i = 0; i < 100; i++) await channel.publish('', 'q', {}, body)
    const waiting = await depth(channel, 'q')
    expect(waiting).toBeGreaterThan(60)
    stream.resume()
    expect(await reader.count(100)).toHaveLength(100)
  })
})

describe('limits', () => {
  test('messages expire by the shorter of their own and the queue’s time', async () => {
    const parts = await start()
    const channel = await parts.channel()
    await declare(channel, 'q', { 'x-message-ttl': 1000 })
    await send(channel, 'q', ['short'], { expiration: '200' })
    await send(channel, 'q', ['long'], { expiration: '5000' })
    expect(await depth(channel, 'q')).toBe(2)
    await parts.world.advance(200)
    expect(await depth(channel, 'q')).toBe(1)
    await parts.world.advance(800)
    expect(await depth(channel, 'q')).toBe(0)
  })

  test('thousands that expire at once let others have their turn, and all go where they should', async () => {
    const parts = await start()
    const channel = await parts.channel()
    const letters = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' }
    for (const [queue, table] of [
      ['dead', {}],
      ['q', letters],
    ] as const)
      await declare(channel, queue, table)
    const texts = Array.from({ length: 3000 }, (_, index) => `${index}`)
    await send(channel, 'q', texts, { expiration: '50' })
    await send(channel, 'q', ['stays'])
    const { queues } = parts.broker.vhosts.get('/')!
    const reader = await parts.channel()
    await reader.ask('basic.qos', { prefetchCount: 1 })
    let waiting = 0
    // Asked for in the first of the turns that this takes.
    parts.world.timers.after(50, () => {
      setImmediate(() => {
        waiting = queues.get('q')!.messageCount
      })
    })
    await parts.world.advance(100)
    expect(waiting).toBeGreaterThan(1000)
    expect([queues.get('q')!.messageCount, queues.get('dead')!.messageCount]).toEqual([1, 3000])
    const [first] = await (await consumer(reader, 'q')).count(1)
    expect(first!.body.toString()).toBe('stays')
    const dead = await consumer(channel, 'dead', { noAck: true })
    await dead.count(3000)
    expect(dead.bodies()).toEqual(texts)
  })

  test('no timer outlives the broker, whatever waits in its queues', async () => {
    const given = virtualWorld()
    const waiting = new Set<object>()
    const after: Timers['after'] = (ms, fire, options) => {
      const timer = {}
      waiting.add(timer)
      const over = () => waiting.delete(timer)
      const run = () => {
        over()
        fire()
      }
      const cancel = given.timers.after(ms, run, options)
      return () => {
        over()
        cancel()
      }
    }
    const world = { ...given, timers: { ...given.timers, after } }
    const parts = await testBroker({ world })
    const channel = await parts.channel()
    await declare(channel, 'q')
    await declare(channel, 'idle', { 'x-expires': 60_000 })
    await send(channel, 'q', ['waits'], { expiration: '60000' })
    expect(waiting.size).toBeGreaterThanOrEqual(2)
    await parts.broker.close()
    // The client gives the broker a moment to hang up.
    await world.advance(5000)
    expect(waiting.size).toBe(0)
  })

  test('expiration 0 is for a consumer that is ready, or nobody', async () => {
    const parts = await start()
    const channel = await parts.channel()
    await declare(channel, 'q')
    await send(channel, 'q', ['missed'], { expiration: '0' })
    expect(await depth(channel, 'q')).toBe(0)
    const ready = await consumer(channel, 'q', { noAck: true })
    await send(channel, 'q', ['caught'], { expiration: '0' })
    await ready.count(1)
    expect(ready.bodies()).toEqual(['caught'])
  })

  test('an unused queue is deleted after x-expires, one with a consumer stays', async () => {
    const parts = await start()
    const channel = await parts.channel()
    for (const queue of ['idle', 'busy', 'touched']) await declare(channel, queue, { 'x-expires': 1000 })
    const used = await consumer(channel, 'busy')
    await parts.world.advance(600)
    await channel.ask('queue.declare', { queue: 'touched', passive: true })
    await parts.world.advance(600)
    expect([...parts.broker.vhosts.get('/')!.queues.keys()].sort()).toEqual(['busy', 'touched'])
    await channel.cancel(used.tag)
    await parts.world.advance(1000)
    expect(parts.broker.vhosts.get('/')!.queues.size).toBe(0)
  })

  test('a full queue drops its oldest, or refuses the newest', async () => {
    const parts = await start()
    const channel = await parts.channel()
    await channel.confirmPublishing()
    await declare(channel, 'drop', { 'x-max-length': 2 })
    await declare(channel, 'bytes', { 'x-max-length-bytes': 5 })
    await declare(channel, 'refuse', { 'x-max-length': 2, 'x-overflow': 'reject-publish' })
    await send(channel, 'drop', ['a', 'b', 'c'])
    await send(channel, 'bytes', ['aaa', 'bb', 'c'])
    await send(channel, 'refuse', ['a', 'b'])
    await expect(send(channel, 'refuse', ['c'])).rejects.toMatchObject({ kind: 'unavailable' })
    await send(channel, 'drop', ['d'])
    for (const [queue, expected] of [
      ['drop', ['c', 'd']],
      ['bytes', ['bb', 'c']],
      ['refuse', ['a', 'b']],
    ] as const) {
      const got = await consumer(channel, queue, { noAck: true })
      await got.count(2)
      expect(got.bodies()).toEqual(expected)
    }
  })

  test('what a queue gives up on goes to its dead-letter exchange, with its history', async () => {
    const parts = await start()
    const channel = await parts.channel()
    await declare(channel, 'grave')
    await declare(channel, 'work', {
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': 'grave',
      'x-message-ttl': 100,
    })
    await send(channel, 'work', ['too late'], { messageId: 'm', headers: { kept: true } })
    await parts.world.advance(100)
    const working = await consumer(channel, 'work')
    await send(channel, 'work', ['rejected'])
    await working.count(1)
    channel.tell('basic.reject', { deliveryTag: working.got[0]!.deliveryTag, requeue: false })
    const grave = await consumer(channel, 'grave', { noAck: true })
    const [late, rejected] = await grave.count(2)
    expect(late!.properties).toMatchObject({
      messageId: 'm',
      headers: { kept: true, 'x-first-death-reason': 'expired' },
    })
    expect(late!.properties.headers!['x-death']).toMatchObject([
      { queue: 'work', reason: 'expired', count: 1, exchange: '', 'routing-keys': ['work'] },
    ])
    expect([rejected!.body.toString(), rejected!.properties.headers!['x-first-death-reason']]).toEqual([
      'rejected',
      'rejected',
    ])
  })

  test('a circle of dead-letter exchanges ends', async () => {
    const parts = await start()
    const channel = await parts.channel()
    for (const [queue, next] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const)
      await declare(channel, queue, {
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': next,
        'x-message-ttl': 10,
      })
    await send(channel, 'a', ['round'])
    await parts.world.advance(1000)
    expect([await depth(channel, 'a'), await depth(channel, 'b')]).toEqual([0, 0])
  })
})

describe('exchanges', () => {
  test('an alternate exchange takes what no binding does', async () => {
    const parts = await start()
    const channel = await parts.channel()
    await channel.ask('exchange.declare', { exchange: 'rest', type: 'fanout' })
    const arguments_ = { 'alternate-exchange': 'rest' }
    await channel.ask('exchange.declare', { exchange: 'main', type: 'direct', arguments: arguments_ })
    for (const queue of ['known', 'other']) await declare(channel, queue)
    await channel.ask('queue.bind', { queue: 'known', exchange: 'main', routingKey: 'k' })
    await channel.ask('queue.bind', { queue: 'other', exchange: 'rest' })
    for (const key of ['k', 'strange']) await channel.publish('main', key, {}, Buffer.from(key))
    expect([await depth(channel, 'known'), await depth(channel, 'other')]).toEqual([1, 1])
  })

  test('bound in a circle, a message reaches each queue once', async () => {
    const parts = await start()
    const channel = await parts.channel()
    for (const exchange of ['a', 'b']) await channel.ask('exchange.declare', { exchange, type: 'fanout' })
    await channel.ask('exchange.bind', { destination: 'b', source: 'a' })
    await channel.ask('exchange.bind', { destination: 'a', source: 'b' })
    await declare(channel, 'q')
    for (const exchange of ['a', 'b']) await channel.ask('queue.bind', { queue: 'q', exchange })
    await channel.publish('a', '', {}, Buffer.from('once'))
    expect(await depth(channel, 'q')).toBe(1)
  })

  test('auto-delete: the exchange goes with its last binding, the queue with its last consumer', async () => {
    const parts = await start()
    const channel = await parts.channel()
    await channel.ask('exchange.declare', { exchange: 'x', type: 'direct', autoDelete: true })
    await channel.ask('queue.declare', { queue: 'q', autoDelete: true })
    await channel.ask('queue.bind', { queue: 'q', exchange: 'x', routingKey: 'k' })
    const only = await consumer(channel, 'q')
    await channel.cancel(only.tag)
    const vhost = parts.broker.vhosts.get('/')!
    expect([vhost.queues.has('q'), vhost.exchanges.has('x')]).toEqual([false, false])
  })

  test('unbound, purged, and redeclared with the same arguments', async () => {
    const parts = await start()
    const channel = await parts.channel()
    await declare(channel, 'q', { 'x-max-length': 5 })
    await declare(channel, 'q', { 'x-max-length': 5 })
    await channel.ask('queue.bind', { queue: 'q', exchange: 'amq.topic', routingKey: 'a.#' })
    await channel.publish('amq.topic', 'a', {}, Buffer.from('1'))
    await channel.ask('queue.unbind', { queue: 'q', exchange: 'amq.topic', routingKey: 'a.#' })
    await channel.publish('amq.topic', 'a', {}, Buffer.from('2'))
    expect((await channel.ask('queue.purge', { queue: 'q' })).messageCount).toBe(1)
    expect(await depth(channel, 'q')).toBe(0)
  })

  test('topic patterns mean what their definition says', () => {
    const word = fc.constantFrom('a', 'b', '')
    const key = fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join('.'))
    const pattern = fc
      .array(fc.oneof(word, fc.constantFrom('*', '#')), { minLength: 1, maxLength: 5 })
      .map((words) => words.join('.'))
    /** The definition, slowly: by regular expression over words that each end in a dot. Nothing at all is no word. */
    const matches = (pattern: string, key: string) =>
      new RegExp(
        `^${(pattern === '' ? [] : pattern.split('.'))
          .map((w) => (w === '#' ? '([^.]*\\.)*' : w === '*' ? '[^.]*\\.' : `${w}\\.`))
          .join('')}$`,
      ).test(key === '' ? '' : `${key}.`)
    fc.assert(
      fc.property(
        fc.uniqueArray(pattern, { maxLength: 8 }),
        fc.array(key, { minLength: 1, maxLength: 5 }),
        fc.nat(),
        (patterns, keys, drop) => {
          const trie = new TopicTrie<string>()
          for (const each of patterns) trie.add(each, each)
          const removed = patterns[drop % (patterns.length || 1)]
          if (removed !== undefined) trie.remove(removed, removed)
          for (const each of keys) {
            const found = new Set<string>()
            trie.match(each, (value) => found.add(value))
            expect([...found].sort()).toEqual(
              patterns.filter((p) => p !== removed && matches(p, each)).sort(),
            )
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
