// What no client's suite covers: the same tests on our broker and, where one is named, on a real RabbitMQ.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ClientChannel, Delivered } from '#kit/amqp/client/channel.ts'
import type { Table } from '#kit/amqp/table.ts'
import { drain, exchange, type ParityBroker, parityBrokers, queue, refusal, texts } from './parity-broker.ts'

const nothing = Buffer.alloc(0)

describe.each(parityBrokers)('%s', (_name, open) => {
  let broker: ParityBroker
  beforeAll(async () => {
    broker = await open()
  })
  afterAll(() => broker.close())

  /** A channel whose `publish` waits until the message is where it goes. */
  async function confirming(): Promise<ClientChannel> {
    const channel = await broker.channel()
    await channel.confirmPublishing()
    return channel
  }
  const send = (channel: ClientChannel, to: string, key: string, text: string, headers?: Table) =>
    channel.publish(to, key, { headers, messageId: text }, Buffer.from(text), true)

  describe('alternate exchanges', () => {
    test('take what no binding takes, through several of them, and a circle ends', async () => {
      const channel = await confirming()
      const last = await exchange(channel, 'fanout')
      const middle = await exchange(channel, 'direct', { arguments: { 'alternate-exchange': last } })
      const first = await exchange(channel, 'direct', { arguments: { 'alternate-exchange': middle } })
      const [own, rest] = [await queue(channel, [[first, 'a']]), await queue(channel, [[last, '']])]
      expect(await send(channel, first, 'a', 'bound')).toBe('routed')
      expect(await send(channel, first, 'b', 'left over')).toBe('routed')
      expect(texts(await drain(channel, own))).toEqual(['bound'])
      const [got] = await drain(channel, rest)
      expect([got!.text, got!.exchange, got!.routingKey]).toEqual(['left over', first, 'b'])
      const circle = await exchange(channel, 'direct')
      const back = await exchange(channel, 'direct', { arguments: { 'alternate-exchange': circle } })
      await channel.ask('exchange.bind', { source: circle, destination: back, routingKey: 'x' })
      expect(await send(channel, back, 'x', 'nowhere')).toBe('returned')
    })

    test('are asked for each exchange on the way, not only for the first', async () => {
      const channel = await confirming()
      const fallback = await exchange(channel, 'fanout')
      const inner = await exchange(channel, 'direct', { arguments: { 'alternate-exchange': fallback } })
      const outer = await exchange(channel, 'fanout')
      await channel.ask('exchange.bind', { source: outer, destination: inner })
      const [beside, rest] = [await queue(channel, [[outer, '']]), await queue(channel, [[fallback, '']])]
      await send(channel, outer, 'k', 'both ways')
      expect(texts(await drain(channel, beside))).toEqual(['both ways'])
      expect(texts(await drain(channel, rest))).toEqual(['both ways'])
    })

    test('that are missing lose the message, and a mandatory one comes back', async () => {
      const channel = await confirming()
      const first = await exchange(channel, 'direct', { arguments: { 'alternate-exchange': 'parity.none' } })
      expect(await send(channel, first, 'k', 'lost')).toBe('returned')
      await queue(channel, [[first, 'other']])
    })

    test('come from policies too, and an argument comes before a policy', async ({ skip }) => {
      if (!broker.admin) return skip()
      const channel = await confirming()
      const [byPolicy, byArgument] = [await exchange(channel, 'fanout'), await exchange(channel, 'fanout')]
      const plain = await exchange(channel, 'direct')
      const argued = await exchange(channel, 'direct', { arguments: { 'alternate-exchange': byArgument } })
      const [one, two] = [await queue(channel, [[byPolicy, '']]), await queue(channel, [[byArgument, '']])]
      const pattern = `^(${plain}|${argued})$`.replaceAll('.', '\\.')
      await broker.admin.policy('parity-ae', pattern, { 'alternate-exchange': byPolicy })
      await send(channel, plain, 'k', 'policy')
      await send(channel, argued, 'k', 'argument')
      expect(texts(await drain(channel, one))).toEqual(['policy'])
      expect(texts(await drain(channel, two))).toEqual(['argument'])
      await broker.admin.dropPolicy('parity-ae')
      expect(await send(channel, plain, 'k', 'policy gone')).toBe('returned')
      await queue(channel, [
        [plain, 'x'],
        [argued, 'x'],
      ])
    })
  })

  describe('headers exchanges', () => {
    const cases: [wanted: Table, headers: Table | undefined, isTaken: boolean][] = [
      [{ 'x-match': 'all', a: 1, b: 'x' }, { a: 1, b: 'x', c: true }, true],
      [{ 'x-match': 'all', a: 1, b: 'x' }, { a: 1 }, false],
      [{ a: 1, b: 'x' }, { a: 1 }, false],
      [{ 'x-match': 'any', a: 1, b: 'x' }, { b: 'x' }, true],
      [{ 'x-match': 'any', a: 1, b: 'x' }, { a: 2, b: 'y' }, false],
      [{ 'x-match': 'all', a: null }, { a: 'whatever' }, true],
      [{ 'x-match': 'all', a: null }, { b: 1 }, false],
      [{ 'x-match': 'all' }, { a: 1 }, true],
      [{ 'x-match': 'all' }, undefined, true],
      [{ 'x-match': 'any' }, { a: 1 }, false],
      [{}, undefined, true],
      [{ 'x-match': 'all', 'x-a': 1 }, { b: 1 }, true],
      [{ 'x-match': 'any', 'x-a': 1 }, { 'x-a': 1 }, false],
      [{ 'x-match': 'all-with-x', 'x-a': 1 }, { 'x-a': 1 }, true],
      [{ 'x-match': 'all-with-x', 'x-a': 1 }, { b: 1 }, false],
      [{ 'x-match': 'any-with-x', 'x-a': 1, b: 2 }, { 'x-a': 1 }, true],
      [{ a: true }, { a: true }, true],
      [{ a: true }, { a: 'true' }, false],
      [{ a: 1 }, { a: '1' }, false],
      [{ a: 'b' }, { A: 'b' }, false],
    ]
    test('match as their bindings say', async () => {
      const channel = await confirming()
      for (const [wanted, headers, isTaken] of cases) {
        const name = await exchange(channel, 'headers')
        await queue(channel, [[name, 'ignored', wanted]])
        const outcome = await send(channel, name, 'any key', 'm', headers)
        expect([wanted, headers, outcome]).toEqual([wanted, headers, isTaken ? 'routed' : 'returned'])
      }
    })
  })

  describe('bindings between exchanges', () => {
    test('carry a message once to each queue, through circles, until they are taken away', async () => {
      const channel = await confirming()
      const [a, b] = [await exchange(channel, 'fanout'), await exchange(channel, 'topic')]
      const target = await queue(channel, [
        [a, ''],
        [b, 'k.#'],
        [b, '*.v'],
      ])
      await channel.ask('exchange.bind', { source: a, destination: b, routingKey: '' })
      await channel.ask('exchange.bind', { source: b, destination: a, routingKey: '#' })
      await send(channel, a, 'k.v', 'once')
      await send(channel, b, 'other', 'round')
      expect(texts(await drain(channel, target))).toEqual(['once', 'round'])
      await channel.ask('exchange.unbind', { source: b, destination: a, routingKey: '#' })
      expect(await send(channel, b, 'other', 'no way')).toBe('returned')
    })

    test('keep an exchange that deletes itself until the last of them goes, without waiting for answers', async () => {
      const channel = await confirming()
      const [source, target] = [await exchange(channel, 'direct'), await exchange(channel, 'fanout')]
      const name = await queue(channel, [[target, '']])
      channel.tell('exchange.bind', { source, destination: target, routingKey: 'k', noWait: true })
      channel.tell('queue.bind', { queue: name, exchange: source, routingKey: 'j', noWait: true })
      await send(channel, source, 'k', 'through')
      expect(texts(await drain(channel, name))).toEqual(['through'])
      channel.tell('exchange.unbind', { source, destination: target, routingKey: 'k', noWait: true })
      await channel.ask('exchange.declare', { exchange: source, passive: true })
      await channel.ask('queue.unbind', { queue: name, exchange: source, routingKey: 'j' })
      await expect(
        channel.ask('exchange.declare', { exchange: source, passive: true }),
      ).rejects.toMatchObject({
        code: 404,
      })
    })

    test('to an internal exchange are the only way into it', async () => {
      const channel = await confirming()
      const inner = await exchange(channel, 'fanout', { internal: true })
      const outer = await exchange(channel, 'fanout')
      await channel.ask('exchange.bind', { source: outer, destination: inner })
      const name = await queue(channel, [[inner, '']])
      await send(channel, outer, '', 'inside')
      expect(texts(await drain(channel, name))).toEqual(['inside'])
      expect(await refusal(broker, (other) => other.publish(inner, '', {}, nothing))).toBe(
        `channel: ACCESS_REFUSED - cannot publish to internal exchange '${inner}' in vhost '/'`,
      )
    })
  })

  describe('CC and BCC', () => {
    test('are more routing keys; receivers see the first and never the second', async () => {
      const channel = await confirming()
      const topic = await exchange(channel, 'topic')
      const [to, cc, bcc] = [
        await queue(channel, [[topic, 'to.*']]),
        await queue(channel, [[topic, 'cc.#']]),
        await queue(channel, [[topic, 'bcc']]),
      ]
      await send(channel, topic, 'to.one', 'm', { CC: ['cc.a', 'cc.b', 'to.two', 7], BCC: ['bcc'], other: 1 })
      for (const name of [to, cc, bcc]) {
        const got = await drain(channel, name)
        expect(texts(got)).toEqual(['m'])
        expect(got[0]!.properties.headers).toEqual({ CC: ['cc.a', 'cc.b', 'to.two', 7], other: 1 })
        expect(got[0]!.routingKey).toBe('to.one')
      }
      await send(channel, '', 'parity.none', 'direct', { CC: [to], BCC: [cc, cc] })
      expect([texts(await drain(channel, to)), texts(await drain(channel, cc))]).toEqual([
        ['direct'],
        ['direct'],
      ])
    })

    test('go with a message that is dead-lettered, unless the queue names a key of its own', async () => {
      const channel = await confirming()
      const dead = await exchange(channel, 'direct')
      const [byKey, byCopy, byOwn] = [
        await queue(channel, [[dead, 'k']]),
        await queue(channel, [[dead, 'copy']]),
        await queue(channel, [[dead, 'own']]),
      ]
      const arguments_ = { 'x-dead-letter-exchange': dead, 'x-message-ttl': 0 }
      const entry = await exchange(channel, 'direct')
      await queue(channel, [[entry, 'k']], arguments_)
      await send(channel, entry, 'k', 'm', { CC: ['copy'] })
      const [one] = await drain(channel, byKey)
      const deaths = one!.properties.headers!['x-death'] as Table[]
      expect(deaths[0]).toMatchObject({
        reason: 'expired',
        count: 1,
        exchange: entry,
        'routing-keys': ['k', 'copy'],
      })
      expect(one!.properties.headers).toMatchObject({
        CC: ['copy'],
        'x-first-death-reason': 'expired',
        'x-first-death-exchange': entry,
      })
      expect(texts(await drain(channel, byCopy))).toEqual(['m'])
      const other = await exchange(channel, 'direct')
      await queue(channel, [[other, 'k']], { ...arguments_, 'x-dead-letter-routing-key': 'own' })
      await send(channel, other, 'k', 'n', { CC: ['copy'] })
      const [own] = await drain(channel, byOwn)
      expect([own!.text, own!.properties.headers!.CC]).toEqual(['n', undefined])
      expect(texts(await drain(channel, byCopy))).toEqual([])
    })
  })

  describe('direct reply-to', () => {
    test('brings answers straight to the asking channel, with no queue', async () => {
      const [client, server] = [await broker.channel(), await confirming()]
      const requests = await queue(server)
      const answers: Delivered[] = []
      let answered = () => {}
      const consume = (message: Delivered) => {
        answers.push(message)
        answered()
      }
      await client.consume('amq.rabbitmq.reply-to', 'answers', { noAck: true }, consume, () => {})
      await client.publish(
        '',
        requests,
        { replyTo: 'amq.rabbitmq.reply-to', correlationId: '7' },
        Buffer.from('?'),
      )
      // The request has come once a question after it on the same channel is answered.
      await client.ask('basic.qos', {})
      const [request] = await drain(server, requests)
      const replyTo = request!.properties.replyTo!
      expect(replyTo).toMatch(/^amq\.rabbitmq\.reply-to\..{10,}/)
      expect(await server.ask('queue.declare', { queue: replyTo, passive: true })).toMatchObject({
        consumerCount: 1,
      })
      const arrived = new Promise<void>((resolve) => {
        answered = resolve
      })
      // A mandatory answer comes back although it arrives: there is no queue that takes it.
      expect(await server.publish('', replyTo, { messageId: 'a' }, Buffer.from('!'), true)).toBe('returned')
      await arrived
      expect(answers.map(({ body, routingKey, exchange: from }) => [String(body), routingKey, from])).toEqual(
        [['!', replyTo, '']],
      )
      await client.cancel('answers')
      await server.publish('', replyTo, {}, Buffer.from('too late'))
      await client.ask('basic.qos', {})
      expect(answers).toHaveLength(1)
    })

    test('has rules, each with its error', async () => {
      const replies = 'amq.rabbitmq.reply-to'
      const consume = (channel: ClientChannel, noAck: boolean) =>
        channel.ask('basic.consume', { queue: replies, noAck })
      const cases: [(channel: ClientChannel) => unknown, string][] = [
        [(channel) => consume(channel, false), 'reply consumer cannot acknowledge'],
        [
          (channel) => consume(channel, true).then(() => consume(channel, true)),
          'reply consumer already set',
        ],
        [
          (channel) => channel.publish('', 'parity.none', { replyTo: replies }, nothing),
          'fast reply consumer does not exist',
        ],
      ]
      for (const [act, text] of cases)
        expect(await refusal(broker, act)).toBe(`channel: PRECONDITION_FAILED - ${text}`)
      expect(
        await refusal(broker, (channel) => channel.ask('queue.declare', { queue: `${replies}.gone` })),
      ).toBe(`channel: NOT_FOUND - no queue '${replies}.gone' in vhost '/'`)
    })
  })

  describe('transactions', () => {
    test('publish nothing before the commit, and nothing at all after a rollback', async () => {
      const [channel, watcher] = [await broker.channel(), await confirming()]
      const name = await queue(watcher)
      await channel.ask('tx.select', {})
      for (const text of ['a', 'b']) await channel.publish('', name, {}, Buffer.from(text))
      await channel.ask('basic.qos', {})
      expect(texts(await drain(watcher, name))).toEqual([])
      await channel.ask('tx.commit', {})
      expect(texts(await drain(watcher, name))).toEqual(['a', 'b'])
      await channel.publish('', name, {}, Buffer.from('c'))
      await channel.ask('tx.rollback', {})
      await channel.ask('tx.commit', {})
      expect(texts(await drain(watcher, name))).toEqual([])
    })

    test('hold acknowledgements too: rolled back, the deliveries wait for another answer', async () => {
      const connection = await broker.connect()
      const [publisher, worker] = [await confirming(), await connection.openChannel()]
      const { queue: name } = await publisher.ask('queue.declare', {
        queue: `parity.tx.${Date.now()}`,
        arguments: { 'x-expires': 60_000 },
      })
      for (const text of ['a', 'b', 'c']) await publisher.publish('', name, {}, Buffer.from(text))
      await worker.ask('tx.select', {})
      const got: Delivered[] = []
      await new Promise<void>((resolve) => {
        void worker.consume(
          name,
          'w',
          {},
          (message) => {
            got.push(message)
            if (got.length === 3) resolve()
          },
          () => {},
        )
      })
      worker.ack(1)
      await worker.ask('tx.rollback', {})
      worker.ack(1)
      worker.ack(2)
      await worker.ask('tx.commit', {})
      worker.ack(3)
      await worker.close()
      const left = await drain(publisher, name)
      expect(left.map(({ text, redelivered }) => [text, redelivered])).toEqual([['c', true]])
      await publisher.ask('queue.delete', { queue: name })
    })

    test('return what nobody takes at the commit, before its answer', async () => {
      const channel = await broker.channel()
      const seen: string[] = []
      channel.onReturned = ({ messageId }) => seen.push(messageId!)
      await channel.ask('tx.select', {})
      await channel.publish('', 'parity.none', { messageId: 'back' }, nothing, true)
      await channel.ask('basic.qos', {})
      seen.push('commit')
      await channel.ask('tx.commit', {})
      expect(seen).toEqual(['commit', 'back'])
    })

    test('and a queue at its limit fail the commit, which keeps what the others took', async () => {
      const watcher = await confirming()
      const entry = await exchange(watcher, 'fanout')
      const limits = { 'x-max-length': 0, 'x-overflow': 'reject-publish' }
      await queue(watcher, [[entry, '']], limits)
      const open_ = await queue(watcher, [[entry, '']])
      const outcome = await refusal(broker, async (channel) => {
        await channel.ask('tx.select', {})
        await channel.publish(entry, '', {}, Buffer.from('m'))
        await channel.ask('tx.commit', {})
      })
      expect(outcome).toBe('channel: PRECONDITION_FAILED - partial tx completion')
      expect(texts(await drain(watcher, open_))).toEqual(['m'])
    })
  })

  test('what was recovered comes again, marked, in its order', async () => {
    const channel = await broker.channel()
    const own = await queue(channel)
    const got: [string, boolean][] = []
    let count = () => {}
    const times = (wanted: number) =>
      new Promise<void>((resolve) => {
        count = () => got.length >= wanted && resolve()
        count()
      })
    await channel.consume(
      own,
      'c',
      {},
      ({ body, redelivered }) => {
        got.push([String(body), redelivered])
        count()
      },
      () => {},
    )
    for (const text of ['1', '2', '3']) await channel.publish('', own, {}, Buffer.from(text))
    await times(3)
    await channel.ask('basic.recover', { requeue: true })
    await times(6)
    expect(got).toEqual([
      ['1', false],
      ['2', false],
      ['3', false],
      ['1', true],
      ['2', true],
      ['3', true],
    ])
  })
})
