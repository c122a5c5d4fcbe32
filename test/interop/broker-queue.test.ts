// Kinds of queues and what they do with messages: the same tests on our broker and, where one is named, on a RabbitMQ.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ClientChannel, Delivered } from '#kit/amqp/client/channel.ts'
import type { ClientConnection } from '#kit/amqp/client/connection.ts'
import type { Properties } from '#kit/amqp/property.ts'
import type { Table } from '#kit/amqp/table.ts'
import { realWorld } from '#kit/world/real.ts'
import { drain, type ParityBroker, parityBrokers, queue, refusal, texts } from './parity-broker.ts'

const world = realWorld()
/** Whose exclusive queues a channel may use. */
const owners = new WeakMap<ClientChannel, ClientConnection>()

type Style = {
  prefetch?: number
  priority?: number
  /** Answers nothing; else each is acknowledged as it comes. */
  hold?: boolean
}

async function listen(channel: ClientChannel, name: string, { prefetch = 0, priority, hold }: Style = {}) {
  const got: Delivered[] = []
  let wake = () => {}
  const tag = `listen-${world.random.hexId()}`
  await channel.ask('basic.qos', { prefetchCount: prefetch })
  const delivered = (message: Delivered) => {
    got.push(message)
    if (!hold) channel.ack(message.deliveryTag)
    wake()
  }
  const table = priority === undefined ? {} : { 'x-priority': priority }
  await channel.consume(name, tag, { arguments: table }, delivered, () => {})
  const texts = () => got.map(({ body }) => body.toString())
  const count = async (wanted: number) => {
    while (got.length < wanted)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    return got
  }
  const take = async (wanted: number) => {
    await count(wanted)
    return texts()
  }
  return { channel, tag, got, texts, count, take }
}

/** Another channel of the connection that owns the exclusive queue. */
function sharing(channel: ClientChannel): Promise<ClientChannel> {
  return owners.get(channel)!.openChannel()
}

/** RabbitMQ counts and moves dead letters a moment later than it confirms. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 200) throw new Error('it never came to hold')
    await world.timers.sleep(10)
  }
}

describe.each(parityBrokers)('%s', (_name, open) => {
  let broker: ParityBroker
  beforeAll(async () => {
    broker = await open()
  })
  afterAll(() => broker.close())

  async function confirming(): Promise<ClientChannel> {
    const connection = await broker.connect()
    const channel = await connection.openChannel()
    owners.set(channel, connection)
    await channel.confirmPublishing()
    return channel
  }
  const send = (channel: ClientChannel, to: string, text: string, properties: Properties = {}) =>
    channel.publish('', to, properties, Buffer.from(text))
  const depth = async (channel: ClientChannel, name: string) =>
    (await channel.ask('queue.declare', { queue: name, passive: true })).messageCount
  const gone = async (channel: ClientChannel, name: string) => {
    await until(async () => (await depth(channel, name)) === 0)
  }

  /** A durable queue that is deleted at the end of `use`. */
  async function withQueue(table: Table, use: (channel: ClientChannel, name: string) => Promise<void>) {
    const channel = await confirming()
    const name = `parity.${world.random.hexId()}`
    await channel.ask('queue.declare', { queue: name, durable: true, arguments: table })
    await use(channel, name)
    await (await broker.channel()).ask('queue.delete', { queue: name })
  }

  describe('priorities', () => {
    test('go before age, what is above the highest counts as it, and none is the lowest', async () => {
      const channel = await confirming()
      const name = await queue(channel, [], { 'x-max-priority': 5 })
      for (const [text, priority] of [
        ['low', 1],
        ['none', undefined],
        ['high', 9],
        ['five', 5],
        ['two', 2],
        ['low again', 1],
      ] as const)
        await send(channel, name, text, { priority })
      const reader = await listen(await sharing(channel), name, { prefetch: 1 })
      expect(await reader.take(6)).toEqual(['high', 'five', 'two', 'low', 'low again', 'none'])
    })

    test('hold for what is given back too', async () => {
      const channel = await confirming()
      const name = await queue(channel, [], { 'x-max-priority': 2 })
      for (const [text, priority] of [
        ['a0', 0],
        ['b2', 2],
        ['c2', 2],
      ] as const)
        await send(channel, name, text, { priority })
      const own = await sharing(channel)
      const reader = await listen(own, name, { prefetch: 2, hold: true })
      await reader.count(2)
      await own.cancel(reader.tag)
      own.tell('basic.nack', { deliveryTag: 0, multiple: true, requeue: true })
      const again = await listen(await sharing(channel), name, { prefetch: 1 })
      expect(await again.take(3)).toEqual(['b2', 'c2', 'a0'])
      expect(again.got.map(({ redelivered }) => redelivered)).toEqual([true, true, false])
    })
  })

  describe('consumers', () => {
    test('with a higher priority come first, until they have no room', async () => {
      const channel = await confirming()
      const name = await queue(channel)
      const low = await listen(await sharing(channel), name, { hold: true, prefetch: 10 })
      const high = await listen(await sharing(channel), name, { hold: true, prefetch: 2, priority: 7 })
      const alike = await listen(await sharing(channel), name, { hold: true, prefetch: 2, priority: 7 })
      for (const text of ['1', '2', '3', '4', '5', '6']) await send(channel, name, text)
      await low.count(2)
      expect([...high.texts(), ...alike.texts()].sort()).toEqual(['1', '2', '3', '4'])
      expect(low.texts()).toEqual(['5', '6'])
    })

    test('a single active one is the first; the next takes over when it goes', async () => {
      const channel = await confirming()
      const name = await queue(channel, [], { 'x-single-active-consumer': true })
      const first = await listen(await sharing(channel), name)
      const second = await listen(await sharing(channel), name)
      const third = await listen(await sharing(channel), name)
      for (const text of ['a', 'b', 'c']) await send(channel, name, text)
      expect(await first.take(3)).toEqual(['a', 'b', 'c'])
      await first.channel.cancel(first.tag)
      for (const text of ['d', 'e']) await send(channel, name, text)
      expect(await second.take(2)).toEqual(['d', 'e'])
      expect(third.texts()).toEqual([])
    })
  })

  describe('a quorum queue', () => {
    test('counts what comes back, and gives up above its limit', async () => {
      const grave = await confirming()
      const dead = await queue(grave)
      await withQueue(
        {
          'x-queue-type': 'quorum',
          'x-delivery-limit': 2,
          'x-dead-letter-exchange': '',
          'x-dead-letter-routing-key': dead,
        },
        async (channel, name) => {
          await send(channel, name, 'poison')
          const own = await broker.channel()
          const reader = await listen(own, name, { hold: true })
          for (let turn = 1; turn <= 3; turn++) {
            const all = await reader.count(turn)
            own.tell('basic.nack', { deliveryTag: all.at(-1)!.deliveryTag, requeue: true })
          }
          await until(async () => (await depth(grave, dead)) === 1)
          const counts = reader.got.map(({ properties }) => properties.headers?.['x-delivery-count'])
          expect(counts).toEqual([undefined, 1, 2])
          expect(reader.got.map(({ redelivered }) => redelivered)).toEqual([false, true, true])
          const [letter] = await drain(grave, dead)
          expect(letter!.properties.headers!['x-death']).toMatchObject([
            { reason: 'delivery_limit', queue: name, count: 1 },
          ])
        },
      )
    })

    test('is one that lasts, and takes only the arguments that it knows', async () => {
      const kind = { 'x-queue-type': 'quorum' }
      const refused = (fields: object, table: Table = {}) =>
        refusal(broker, (channel) =>
          channel.ask('queue.declare', {
            queue: 'parity.no',
            durable: true,
            arguments: { ...kind, ...table },
            ...fields,
          }),
        )
      const where = "queue 'parity.no' in vhost '/'"
      expect([
        await refused({ durable: false }),
        await refused({ exclusive: true }),
        await refused({ autoDelete: true }),
        await refused({ queue: '' }),
        await refused({}, { 'x-max-priority': 3 }),
        await refused({}, { 'x-queue-type': 'classic', 'x-delivery-limit': 3 }),
        await refused({}, { 'x-queue-type': 'other' }),
      ]).toEqual([
        `channel: PRECONDITION_FAILED - invalid property 'non-durable' for ${where}`,
        `channel: PRECONDITION_FAILED - invalid property 'exclusive-owner' for ${where}`,
        `channel: PRECONDITION_FAILED - invalid property 'auto-delete' for ${where}`,
        'channel: PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_quorum_queue',
        `channel: PRECONDITION_FAILED - invalid arg 'x-max-priority' for ${where} of queue type rabbit_quorum_queue`,
        `channel: PRECONDITION_FAILED - invalid arg 'x-delivery-limit' for ${where} of queue type rabbit_classic_queue`,
        `channel: PRECONDITION_FAILED - invalid arg 'x-queue-type' for ${where}: "unsupported queue type 'other'"`,
      ])
    })
  })

  test('arguments that mean nothing are refused, each in its words', async () => {
    const where = "queue 'parity.no' in vhost '/'"
    const refused = (table: Table) =>
      refusal(broker, (channel) => channel.ask('queue.declare', { queue: 'parity.no', arguments: table }))
    const words = async (table: Table) =>
      (await refused(table)).replace(`channel: PRECONDITION_FAILED - invalid arg `, '').replace(where, 'it')
    expect([
      await words({ 'x-max-priority': 256 }),
      await words({ 'x-message-ttl': -1 }),
      await words({ 'x-expires': 0 }),
      await words({ 'x-max-length': 'many' }),
      await words({ 'x-overflow': 'drop-tail' }),
      await words({ 'x-single-active-consumer': 'yes' }),
      await words({ 'x-dead-letter-routing-key': 'key' }),
      await words({ 'x-queue-mode': 'busy' }),
    ]).toEqual([
      "'x-max-priority' for it: {max_value_exceeded,256}",
      "'x-message-ttl' for it: {value_negative,-1}",
      "'x-expires' for it: {value_zero,0}",
      '\'x-max-length\' for it: "expected integer, got longstr"',
      "'x-overflow' for it: invalid_overflow",
      "'x-single-active-consumer' for it: {unacceptable_type,longstr}",
      "'x-dead-letter-routing-key' for it: routing_key_but_no_dlx_defined",
      "'x-queue-mode' for it: \"unsupported queue mode 'busy'\"",
    ])
  })

  test('at its limit a queue drops its oldest, refuses, or refuses into its dead-letter exchange', async () => {
    const channel = await confirming()
    const dead = await queue(channel)
    const letters = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead }
    const drops = await queue(channel, [], { 'x-max-length': 2, ...letters })
    for (const text of ['1', '2', '3']) await send(channel, drops, text)
    const refuses = await queue(channel, [], {
      'x-max-length': 1,
      'x-overflow': 'reject-publish',
      ...letters,
    })
    await send(channel, refuses, '4')
    await expect(send(channel, refuses, '5')).rejects.toMatchObject({ kind: 'unavailable' })
    const overflow = 'reject-publish-dlx'
    const buries = await queue(channel, [], { 'x-max-length': 1, 'x-overflow': overflow, ...letters })
    await send(channel, buries, '6')
    await expect(send(channel, buries, '7')).rejects.toMatchObject({ kind: 'unavailable' })
    await until(async () => (await depth(channel, dead)) === 2)
    const got = await drain(channel, dead)
    expect(texts(got)).toEqual(['1', '7'])
    for (const { properties } of got)
      expect(properties.headers!['x-death']).toMatchObject([{ reason: 'maxlen', count: 1 }])
    expect(texts(await drain(channel, drops))).toEqual(['2', '3'])
  })

  test('octets count bodies alone, and one large message pushes out several', async () => {
    const channel = await confirming()
    const name = await queue(channel, [], { 'x-max-length-bytes': 10 })
    for (const text of ['aaaa', 'bbbb', 'cc', 'ddddddd']) await send(channel, name, text)
    // The end mark of `drain` has no octets.
    expect(texts(await drain(channel, name))).toEqual(['cc', 'ddddddd'])
  })

  test('a time of zero is for a consumer that waits, and else the end', async () => {
    const channel = await confirming()
    const dead = await queue(channel)
    const name = await queue(channel, [], { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead })
    await send(channel, name, 'too late', { expiration: '0' })
    await until(async () => (await depth(channel, dead)) === 1)
    const reader = await listen(await sharing(channel), name)
    await send(channel, name, 'in time', { expiration: '0' })
    expect(await reader.take(1)).toEqual(['in time'])
    const [letter] = await drain(channel, dead)
    expect([letter!.text, letter!.properties.expiration]).toEqual(['too late', undefined])
    expect(letter!.properties.headers!['x-death']).toMatchObject([
      { reason: 'expired', 'original-expiration': '0' },
    ])
  })

  test('messages wait behind those that wait longer, and go as soon as those are taken', async () => {
    const channel = await confirming()
    const name = await queue(channel)
    await send(channel, name, 'stays')
    await send(channel, name, 'short', { expiration: '20' })
    await world.timers.sleep(60)
    const own = await sharing(channel)
    const reader = await listen(own, name, { prefetch: 1, hold: true })
    await reader.count(1)
    await gone(channel, name)
    expect(reader.texts()).toEqual(['stays'])
  })

  test('a large batch given back is where it was', async () => {
    const channel = await confirming()
    const name = await queue(channel)
    const wanted = Array.from({ length: 3000 }, (_, index) => `${index}`)
    await Promise.all(wanted.map((text) => send(channel, name, text)))
    const own = await sharing(channel)
    const reader = await listen(own, name, { hold: true, prefetch: 2000 })
    await reader.count(2000)
    await own.cancel(reader.tag)
    // Every third is answered, the others come back in two parts.
    for (const { deliveryTag } of reader.got) if (deliveryTag % 3 === 0) own.ack(deliveryTag)
    own.tell('basic.nack', { deliveryTag: 1000, multiple: true, requeue: true })
    await own.close()
    const rest = await drain(channel, name)
    expect(texts(rest)).toEqual(wanted.filter((_, index) => index >= 2000 || (index + 1) % 3 !== 0))
    expect(rest.filter(({ redelivered }) => redelivered)).toHaveLength(1334)
  })
})
