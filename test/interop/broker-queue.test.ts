// What queues do by their arguments: the same tests on our broker and, where one is named, on a real RabbitMQ.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ClientChannel, Delivered } from '#kit/amqp/client/channel.ts'
import type { Properties } from '#kit/amqp/property.ts'
import type { Table } from '#kit/amqp/table.ts'
import { drain, exchange, type ParityBroker, parityBrokers, queue, refusal, texts } from './parity-broker.ts'

describe.each(parityBrokers)('queues on %s', (_name, open) => {
  let broker: ParityBroker
  let channel: ClientChannel
  beforeAll(async () => {
    broker = await open()
  })
  beforeEach(async () => {
    channel = await broker.channel()
    await channel.confirmPublishing()
  })
  afterAll(() => broker.close())

  const send = (to: string, text: string, properties: Properties = {}) =>
    channel.publish('', to, { messageId: text, ...properties }, Buffer.from(text))
  const count = async (name: string) =>
    (await channel.ask('queue.declare', { queue: name, passive: true })).messageCount
  const until = async (name: string, wanted: number) => {
    while ((await count(name)) !== wanted) await new Promise((resolve) => setImmediate(resolve))
  }
  const deathsOf = (message: Delivered) => message.properties.headers!['x-death'] as Table[]

  /** A consumer with its own channel; `next` waits for so many deliveries in all. */
  async function consume(from: string, table: Table = {}, prefetch = 0) {
    const own = await broker.channel()
    if (prefetch > 0) await own.ask('basic.qos', { prefetchCount: prefetch })
    const got: Delivered[] = []
    let arrived = () => {}
    const taken = new Promise<void>((resolve) => {
      void own
        .consume(
          from,
          'c',
          { arguments: table },
          (message) => {
            got.push(message)
            arrived()
          },
          () => {},
        )
        .then(resolve)
    })
    await taken
    return {
      own,
      got,
      async next(wanted: number): Promise<string[]> {
        while (got.length < wanted)
          await new Promise<void>((resolve) => {
            arrived = resolve
          })
        return got.map(({ body }) => String(body))
      },
    }
  }

  test('with priorities give the higher first, and order within each', async () => {
    const name = await queue(channel, [], { 'x-max-priority': 5 })
    for (const [text, priority] of [
      ['a0', undefined],
      ['b5', 5],
      ['c1', 1],
      ['d9', 9],
      ['e5', 5],
      ['f0', 0],
    ] as const)
      await send(name, text, { priority })
    // A message above the highest counts as the highest; the end of a drain has the lowest.
    expect(texts(await drain(channel, name))).toEqual(['b5', 'd9', 'e5', 'c1', 'a0', 'f0'])
  })

  test('serve consumers of a higher priority first, and others when those have no room', async () => {
    const shared = `parity.shared.${Date.now()}`
    await channel.ask('queue.declare', { queue: shared, arguments: { 'x-expires': 60_000 } })
    const [low, high] = [await consume(shared, {}, 2), await consume(shared, { 'x-priority': 10 }, 2)]
    for (const text of ['1', '2', '3', '4', '5']) await send(shared, text)
    expect([await high.next(2), await low.next(2)]).toEqual([
      ['1', '2'],
      ['3', '4'],
    ])
    high.own.ack(1)
    expect((await high.next(3))[2]).toBe('5')
    await channel.ask('queue.delete', { queue: shared })
  })

  test('with a single active consumer serve one, and the next when it goes', async () => {
    const name = `parity.single.${Date.now()}`
    await channel.ask('queue.declare', {
      queue: name,
      arguments: { 'x-single-active-consumer': true, 'x-expires': 60_000 },
    })
    const [first, second] = [await consume(name), await consume(name)]
    for (const text of ['1', '2']) await send(name, text)
    expect(await first.next(2)).toEqual(['1', '2'])
    expect(second.got).toEqual([])
    first.own.ack(1)
    await first.own.close()
    await send(name, '3')
    expect(await second.next(2)).toEqual(['2', '3'])
    expect(second.got[0]!.redelivered).toBe(true)
    expect(
      await refusal(broker, (other) => other.ask('basic.consume', { queue: name, exclusive: true })),
    ).toBe(`channel: ACCESS_REFUSED - queue '${name}' in vhost '/' in exclusive use`)
    await channel.ask('queue.delete', { queue: name })
  })

  describe('at their limit', () => {
    test('drop the oldest', async () => {
      const [byCount, byBytes] = [
        await queue(channel, [], { 'x-max-length': 2 }),
        await queue(channel, [], { 'x-max-length-bytes': 5 }),
      ]
      for (const text of ['aa', 'bb', 'cc']) for (const name of [byCount, byBytes]) await send(name, text)
      expect([await count(byCount), await count(byBytes)]).toEqual([2, 2])
      expect(texts(await drain(channel, byCount))).toEqual(['bb', 'cc'])
      expect(texts(await drain(channel, byBytes))).toEqual(['bb', 'cc'])
    })

    test('refuse the newest, and dead-letter it where they say so', async () => {
      const dead = await exchange(channel, 'fanout')
      const letters = await queue(channel, [[dead, '']])
      const limits = { 'x-max-length': 1, 'x-dead-letter-exchange': dead }
      const plain = await queue(channel, [], { ...limits, 'x-overflow': 'reject-publish' })
      const lettering = await queue(channel, [], { ...limits, 'x-overflow': 'reject-publish-dlx' })
      for (const name of [plain, lettering]) {
        await send(name, 'kept')
        await expect(send(name, `refused by ${name}`)).rejects.toThrow()
      }
      const got = await drain(channel, letters)
      expect(texts(got)).toEqual([`refused by ${lettering}`])
      expect(deathsOf(got[0]!)[0]).toMatchObject({ reason: 'maxlen', queue: lettering, count: 1 })
    })
  })

  test('dead-letter what is rejected, with a history that counts', async () => {
    const dead = await exchange(channel, 'direct')
    const name = await queue(channel, [], {
      'x-dead-letter-exchange': dead,
      'x-dead-letter-routing-key': 'round',
    })
    await channel.ask('queue.bind', { queue: name, exchange: dead, routingKey: 'round' })
    await send(name, 'm', { headers: { own: 'kept' } })
    const got: Delivered[] = []
    await new Promise<void>((resolve) => {
      void channel.consume(
        name,
        'c',
        {},
        (message) => {
          got.push(message)
          if (got.length === 3) resolve()
          else channel.tell('basic.reject', { deliveryTag: message.deliveryTag })
        },
        () => {},
      )
    })
    const last = got[2]!
    expect(deathsOf(last)).toHaveLength(1)
    expect(deathsOf(last)[0]).toMatchObject({
      reason: 'rejected',
      queue: name,
      count: 2,
      exchange: '',
      'routing-keys': [name],
    })
    expect(last.properties.headers).toMatchObject({
      own: 'kept',
      'x-first-death-queue': name,
      'x-first-death-reason': 'rejected',
      'x-first-death-exchange': '',
    })
  })

  test('let messages expire: by their own time, by the queue, the shorter of both, and at once', async () => {
    const dead = await exchange(channel, 'fanout')
    const letters = await queue(channel, [[dead, '']])
    const lettered = { 'x-dead-letter-exchange': dead }
    const own = await queue(channel, [], lettered)
    await send(own, 'own', { expiration: '1' })
    await until(letters, 1)
    const both = await queue(channel, [], { ...lettered, 'x-message-ttl': 600_000 })
    await send(both, 'shorter', { expiration: '1' })
    await until(letters, 2)
    const none = await queue(channel, [], { ...lettered, 'x-message-ttl': 0 })
    await send(none, 'at once')
    await until(letters, 3)
    const got = await drain(channel, letters)
    expect(texts(got)).toEqual(['own', 'shorter', 'at once'])
    // The time is taken off, or it would expire again; the history remembers it.
    expect(got.map(({ properties }) => properties.expiration)).toEqual([undefined, undefined, undefined])
    expect(got.map((message) => deathsOf(message)[0]!['original-expiration'])).toEqual(['1', '1', undefined])
  })

  test('of type quorum count deliveries and give up at their limit', async () => {
    const name = `parity.quorum.${Date.now()}`
    const dead = await exchange(channel, 'fanout')
    const letters = await queue(channel, [[dead, '']])
    const table = { 'x-queue-type': 'quorum', 'x-delivery-limit': 2, 'x-dead-letter-exchange': dead }
    await channel.ask('queue.declare', { queue: name, durable: true, arguments: table })
    await send(name, 'm', { deliveryMode: 2 })
    const counts: unknown[] = []
    const worker = await broker.channel()
    await worker.consume(
      name,
      'c',
      {},
      (message) => {
        counts.push(message.properties.headers?.['x-delivery-count'])
        worker.tell('basic.nack', { deliveryTag: message.deliveryTag, requeue: true })
      },
      () => {},
    )
    await until(letters, 1)
    expect(counts).toEqual([undefined, 1, 2])
    const [letter] = await drain(channel, letters)
    expect(deathsOf(letter!)[0]).toMatchObject({ reason: 'delivery_limit', queue: name })
    await channel.ask('queue.delete', { queue: name })
  })

  const wrong: [
    what: string,
    fields: { durable?: boolean; exclusive?: boolean; arguments: Table },
    words: RegExp,
  ][] = [
    [
      'a negative time to live',
      { arguments: { 'x-message-ttl': -1 } },
      /PRECONDITION_FAILED - invalid arg 'x-message-ttl'/,
    ],
    ['no time to expire', { arguments: { 'x-expires': 0 } }, /PRECONDITION_FAILED - invalid arg 'x-expires'/],
    [
      'a length that is text',
      { arguments: { 'x-max-length': 'many' } },
      /PRECONDITION_FAILED - invalid arg 'x-max-length'/,
    ],
    [
      'an overflow that nobody knows',
      { arguments: { 'x-overflow': 'spill' } },
      /PRECONDITION_FAILED - invalid arg 'x-overflow'/,
    ],
    [
      'a priority above 255',
      { arguments: { 'x-max-priority': 256 } },
      /PRECONDITION_FAILED - invalid arg 'x-max-priority'/,
    ],
    [
      'a dead-letter key without an exchange',
      { arguments: { 'x-dead-letter-routing-key': 'k' } },
      /PRECONDITION_FAILED - invalid arg 'x-dead-letter-routing-key'/,
    ],
    ['a type that nobody knows', { arguments: { 'x-queue-type': 'odd' } }, /PRECONDITION_FAILED/],
    [
      'a quorum queue that is not durable',
      { arguments: { 'x-queue-type': 'quorum' } },
      /PRECONDITION_FAILED - invalid property 'non-durable'/,
    ],
    [
      'a quorum queue for one connection',
      { durable: true, exclusive: true, arguments: { 'x-queue-type': 'quorum' } },
      /PRECONDITION_FAILED - invalid property '(exclusive|non-durable)/,
    ],
  ]
  test.each(wrong)('refuse %s', async (_what, fields, words) => {
    const outcome = await refusal(broker, (other) =>
      other.ask('queue.declare', { queue: 'parity.wrong', ...fields }),
    )
    expect(outcome).toMatch(words)
  })
})
