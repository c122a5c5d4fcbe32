// What users may do with queues, exchanges and topics, and who they may say they are: the same on our broker and on RabbitMQ.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ClientChannel } from '#kit/amqp/client/channel.ts'
import { type ParityBroker, parityBrokers, refusal } from './parity-broker.ts'

const nothing = Buffer.alloc(0)

/** RabbitMQ 4 names the right that is missing, 3.10 doesn't. */
const anyRight = (text: string) => text.replace(/(configure|write|read) access/, 'access')

describe.each(parityBrokers)('%s', (_name, open) => {
  let broker: ParityBroker
  beforeAll(async () => {
    broker = await open()
  })
  afterAll(() => broker.close())

  test('each method asks for its own, and topics for theirs', async ({ skip }) => {
    if (!broker.admin) return skip()
    const admin = await broker.channel()
    const topic = 'parity.mine.topic'
    await admin.ask('exchange.declare', { exchange: topic, type: 'topic' })
    await admin.ask('exchange.declare', { exchange: 'parity.other', type: 'fanout' })
    await admin.ask('queue.declare', { queue: 'parity.others' })
    const mine = '^parity\\.mine'
    await broker.admin.user(
      'parity-agent',
      'agent secret',
      { configure: mine, write: `${mine}|^amq\\.default$`, read: mine },
      { [topic]: { write: '^out\\.', read: '^in\\.' } },
    )
    const declare = (name: string) => (channel: ClientChannel) =>
      channel.ask('queue.declare', { queue: name, autoDelete: true })
    const own = async (channel: ClientChannel) => {
      await declare('parity.mine.q')(channel)
      return channel
    }
    const cases: [(channel: ClientChannel) => unknown, string][] = [
      [declare('parity.x'), "configure access to queue 'parity.x'"],
      [
        (channel) => channel.ask('queue.delete', { queue: 'parity.others' }),
        "configure access to queue 'parity.others'",
      ],
      [
        (channel) => channel.ask('queue.purge', { queue: 'parity.others' }),
        "read access to queue 'parity.others'",
      ],
      [
        (channel) => channel.ask('basic.consume', { queue: 'parity.others' }),
        "read access to queue 'parity.others'",
      ],
      [
        (channel) => channel.tell('basic.get', { queue: 'parity.others' }),
        "read access to queue 'parity.others'",
      ],
      [
        (channel) => channel.ask('queue.bind', { queue: 'parity.others', exchange: topic }),
        "write access to queue 'parity.others'",
      ],
      [
        async (channel) =>
          (await own(channel)).ask('queue.bind', { queue: 'parity.mine.q', exchange: 'parity.other' }),
        "read access to exchange 'parity.other'",
      ],
      [
        (channel) => channel.ask('exchange.bind', { destination: 'parity.other', source: topic }),
        "write access to exchange 'parity.other'",
      ],
      [
        (channel) => channel.ask('exchange.unbind', { destination: topic, source: 'parity.other' }),
        "read access to exchange 'parity.other'",
      ],
      [
        (channel) => channel.ask('exchange.delete', { exchange: 'parity.other' }),
        "configure access to exchange 'parity.other'",
      ],
      [
        (channel) => channel.publish('parity.other', '', {}, nothing),
        "write access to exchange 'parity.other'",
      ],
      [
        (channel) =>
          channel.ask('queue.declare', {
            queue: 'parity.mine.d',
            arguments: { 'x-dead-letter-exchange': 'parity.other' },
          }),
        "write access to exchange 'parity.other'",
      ],
      [
        (channel) =>
          channel.ask('exchange.declare', {
            exchange: 'parity.mine.e',
            type: 'direct',
            arguments: { 'alternate-exchange': 'parity.other' },
          }),
        "write access to exchange 'parity.other'",
      ],
      [
        (channel) => channel.publish(topic, 'in.x', {}, nothing),
        `write access to topic 'in.x' in exchange '${topic}'`,
      ],
      [
        async (channel) =>
          (await own(channel)).ask('queue.bind', {
            queue: 'parity.mine.q',
            exchange: topic,
            routingKey: 'out.x',
          }),
        `read access to topic 'out.x' in exchange '${topic}'`,
      ],
    ]
    for (const [act, what] of cases)
      expect(anyRight(await refusal(broker, act, ['parity-agent', 'agent secret']))).toBe(
        `channel: ACCESS_REFUSED - ${anyRight(what)} in vhost '/' refused for user 'parity-agent'`,
      )
    const allowed = async (channel: ClientChannel) => {
      await own(channel)
      await channel.ask('queue.bind', { queue: 'parity.mine.q', exchange: topic, routingKey: 'in.x' })
      await channel.publish(topic, 'out.x', {}, nothing)
      await channel.publish('', 'parity.mine.q', {}, nothing)
    }
    expect(await refusal(broker, allowed, ['parity-agent', 'agent secret'])).toBe('nothing')
    await admin.ask('exchange.delete', { exchange: topic })
    await admin.ask('exchange.delete', { exchange: 'parity.other' })
    await admin.ask('queue.delete', { queue: 'parity.others' })
  })

  test("a message's user is the one who sends it, or one whom an impersonator names", async ({ skip }) => {
    if (!broker.admin) return skip()
    const all = { configure: '.*', write: '.*', read: '.*' }
    await broker.admin.user('parity-actor', 'agent secret', all, {}, 'impersonator')
    await broker.admin.user('parity-plain', 'agent secret', all)
    const claim = (userId: string) => (channel: ClientChannel) =>
      channel.publish('', 'parity.none', { userId }, nothing)
    expect(await refusal(broker, claim('root'), ['parity-actor', 'agent secret'])).toBe('nothing')
    expect(await refusal(broker, claim('parity-plain'), ['parity-plain', 'agent secret'])).toBe('nothing')
    expect(await refusal(broker, claim('root'), ['parity-plain', 'agent secret'])).toBe(
      "channel: PRECONDITION_FAILED - user_id property set to 'root' but authenticated user was 'parity-plain'",
    )
  })
})
