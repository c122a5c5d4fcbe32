// What the broker refuses and in which words, which clients' tests match: the same table on ours and on RabbitMQ.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ClientChannel } from '#kit/amqp/client/channel.ts'
import { type ParityBroker, parityBrokers, refusal } from './parity-broker.ts'

const nothing = Buffer.alloc(0)

const cases: [what: string, act: (channel: ClientChannel) => unknown, refusal: string][] = [
  [
    'tx.commit without select',
    (channel) => channel.ask('tx.commit', {}),
    'channel: PRECONDITION_FAILED - channel is not transactional',
  ],
  [
    'tx.rollback without select',
    (channel) => channel.ask('tx.rollback', {}),
    'channel: PRECONDITION_FAILED - channel is not transactional',
  ],
  [
    'tx on confirm',
    async (channel) => {
      await channel.ask('confirm.select', {})
      return channel.ask('tx.select', {})
    },
    'channel: PRECONDITION_FAILED - cannot switch from confirm to tx mode',
  ],
  [
    'confirm on tx',
    async (channel) => {
      await channel.ask('tx.select', {})
      return channel.ask('confirm.select', {})
    },
    'channel: PRECONDITION_FAILED - cannot switch from tx to confirm mode',
  ],
  [
    'tx select twice',
    async (channel) => {
      await channel.ask('tx.select', {})
      return channel.ask('tx.select', {})
    },
    'nothing',
  ],
  [
    'delete amq.direct',
    (channel) => channel.ask('exchange.delete', { exchange: 'amq.direct' }),
    "channel: ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed",
  ],
  [
    'delete amq.unknown',
    (channel) => channel.ask('exchange.delete', { exchange: 'amq.unknown' }),
    "channel: ACCESS_REFUSED - deletion of system exchange 'amq.unknown' in vhost '/' not allowed",
  ],
  [
    'declare amq.direct same',
    (channel) => channel.ask('exchange.declare', { exchange: 'amq.direct', type: 'direct', durable: true }),
    'nothing',
  ],
  [
    'declare amq.foo',
    (channel) => channel.ask('exchange.declare', { exchange: 'amq.foo', type: 'direct' }),
    "channel: ACCESS_REFUSED - exchange name 'amq.foo' contains reserved prefix 'amq.*'",
  ],
  [
    'declare default',
    (channel) => channel.ask('exchange.declare', { exchange: '', type: 'direct', durable: true }),
    'channel: ACCESS_REFUSED - operation not permitted on the default exchange',
  ],
  [
    'declare default passive',
    (channel) => channel.ask('exchange.declare', { exchange: '', type: 'direct', passive: true }),
    'channel: ACCESS_REFUSED - operation not permitted on the default exchange',
  ],
  [
    'delete default',
    (channel) => channel.ask('exchange.delete', { exchange: '' }),
    'channel: ACCESS_REFUSED - operation not permitted on the default exchange',
  ],
  ['delete unknown', (channel) => channel.ask('exchange.delete', { exchange: 'nope' }), 'nothing'],
  [
    'bind unknown queue',
    (channel) => channel.ask('queue.bind', { queue: 'nope', exchange: 'p.x' }),
    "channel: NOT_FOUND - no queue 'nope' in vhost '/'",
  ],
  [
    'bind unknown exchange',
    (channel) => channel.ask('queue.bind', { queue: 'p.q', exchange: 'nope' }),
    "channel: NOT_FOUND - no exchange 'nope' in vhost '/'",
  ],
  [
    'bind both unknown',
    (channel) => channel.ask('queue.bind', { queue: 'noq', exchange: 'nox' }),
    "channel: NOT_FOUND - no exchange 'nox' in vhost '/'",
  ],
  [
    'e2e both unknown',
    (channel) => channel.ask('exchange.bind', { destination: 'nod', source: 'nos' }),
    "channel: NOT_FOUND - no exchange 'nos' in vhost '/'",
  ],
  [
    'e2e default',
    (channel) => channel.ask('exchange.bind', { destination: '', source: 'p.x' }),
    'channel: ACCESS_REFUSED - operation not permitted on the default exchange',
  ],
  [
    'unbind absent',
    (channel) => channel.ask('queue.unbind', { queue: 'p.q', exchange: 'p.x', routingKey: 'zz' }),
    'nothing',
  ],
  [
    'unbind unknown queue',
    (channel) => channel.ask('queue.unbind', { queue: 'noq', exchange: 'p.x', routingKey: 'zz' }),
    'nothing',
  ],
  [
    'unbind unknown x',
    (channel) => channel.ask('queue.unbind', { queue: 'p.q', exchange: 'nox', routingKey: 'zz' }),
    'nothing',
  ],
  [
    'e2e unbind unknown',
    (channel) => channel.ask('exchange.unbind', { destination: 'p.x', source: 'nox', routingKey: 'zz' }),
    'nothing',
  ],
  [
    'flow false',
    (channel) => channel.ask('channel.flow', { active: false }),
    'connection: NOT_IMPLEMENTED - active=false',
  ],
  ['flow true', (channel) => channel.ask('channel.flow', { active: true }), 'nothing'],
  [
    'recover false',
    (channel) => channel.ask('basic.recover', { requeue: false }),
    'connection: NOT_IMPLEMENTED - requeue=false',
  ],
  ['recover true', (channel) => channel.ask('basic.recover', { requeue: true }), 'nothing'],
  ['access.request', (channel) => channel.ask('access.request', {}), 'nothing'],
  [
    'qos size',
    (channel) => channel.ask('basic.qos', { prefetchSize: 5 }),
    'connection: NOT_IMPLEMENTED - prefetch_size!=0 (5)',
  ],
  [
    'consume x-priority text',
    (channel) => channel.ask('basic.consume', { queue: 'p.q', arguments: { 'x-priority': 'a' } }),
    "channel: PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'p.q' in vhost '/': \"expected integer, got longstr\"",
  ],
  [
    'consume x-priority 5',
    (channel) => channel.ask('basic.consume', { queue: 'p.q', arguments: { 'x-priority': 5 } }),
    'nothing',
  ],
  [
    'consume x-cancel-on text',
    (channel) =>
      channel.ask('basic.consume', { queue: 'p.q', arguments: { 'x-cancel-on-ha-failover': 'a' } }),
    "channel: PRECONDITION_FAILED - invalid arg 'x-cancel-on-ha-failover' for queue 'p.q' in vhost '/': {unacceptable_type,longstr}",
  ],
  [
    'reply-to consume ack',
    (channel) => channel.ask('basic.consume', { queue: 'amq.rabbitmq.reply-to' }),
    'channel: PRECONDITION_FAILED - reply consumer cannot acknowledge',
  ],
  [
    'reply-to consume',
    (channel) =>
      channel.ask('basic.consume', { queue: 'amq.rabbitmq.reply-to', noAck: true, consumerTag: 't' }),
    'nothing',
  ],
  [
    'reply-to consume twice',
    async (channel) => {
      await channel.ask('basic.consume', { queue: 'amq.rabbitmq.reply-to', noAck: true })
      return channel.ask('basic.consume', { queue: 'amq.rabbitmq.reply-to', noAck: true })
    },
    'channel: PRECONDITION_FAILED - reply consumer already set',
  ],
  [
    'reply-to consume same tag',
    async (channel) => {
      await channel.ask('basic.consume', {
        queue: 'amq.rabbitmq.reply-to',
        noAck: true,
        consumerTag: 'q',
      })
      return channel.ask('basic.consume', { queue: 'p.q', noAck: true, consumerTag: 'q' })
    },
    'nothing',
  ],
  [
    'reply-to consume twice after cancel',
    async (channel) => {
      await channel.ask('basic.consume', {
        queue: 'amq.rabbitmq.reply-to',
        noAck: true,
        consumerTag: 'q',
      })
      await channel.ask('basic.cancel', { consumerTag: 'q' })
      return channel.ask('basic.consume', {
        queue: 'amq.rabbitmq.reply-to',
        noAck: true,
        consumerTag: 'r',
      })
    },
    'nothing',
  ],
  [
    'reply-to publish without',
    (channel) => channel.publish('', 'p.q', { replyTo: 'amq.rabbitmq.reply-to' }, nothing),
    'channel: PRECONDITION_FAILED - fast reply consumer does not exist',
  ],
  [
    'reply-to declare',
    (channel) => channel.ask('queue.declare', { queue: 'amq.rabbitmq.reply-to' }),
    'nothing',
  ],
  [
    'reply-to declare passive',
    (channel) => channel.ask('queue.declare', { queue: 'amq.rabbitmq.reply-to', passive: true }),
    'nothing',
  ],
  [
    'reply-to declare passive x',
    (channel) => channel.ask('queue.declare', { queue: 'amq.rabbitmq.reply-to.xx', passive: true }),
    "channel: NOT_FOUND - no queue 'amq.rabbitmq.reply-to.xx' in vhost '/'",
  ],
  [
    'reply-to declare x',
    (channel) => channel.ask('queue.declare', { queue: 'amq.rabbitmq.reply-to.xx' }),
    "channel: NOT_FOUND - no queue 'amq.rabbitmq.reply-to.xx' in vhost '/'",
  ],
  [
    'reply-to delete',
    (channel) => channel.ask('queue.delete', { queue: 'amq.rabbitmq.reply-to' }),
    'nothing',
  ],
  [
    'reply-to bind',
    (channel) => channel.ask('queue.bind', { queue: 'amq.rabbitmq.reply-to', exchange: 'p.x' }),
    "channel: NOT_FOUND - no queue 'amq.rabbitmq.reply-to' in vhost '/'",
  ],
  [
    'CC text',
    (channel) => channel.publish('p.x', 'k', { headers: { CC: 'a' } }, nothing),
    'channel: PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",longstr}',
  ],
  [
    'BCC int',
    (channel) => channel.publish('p.x', 'k', { headers: { BCC: 7 } }, nothing),
    'channel: PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"BCC",signedint}',
  ],
  [
    'CC list of ints',
    (channel) => channel.publish('p.x', 'k', { headers: { CC: [7, 'a'] } }, nothing),
    'nothing',
  ],
  [
    'headers x-match int',
    (channel) => channel.ask('queue.bind', { queue: 'p.q', exchange: 'p.h', arguments: { 'x-match': 7 } }),
    'channel: PRECONDITION_FAILED - Invalid x-match field type signedint (value 7); expected longstr',
  ],
  [
    'headers x-match odd',
    (channel) =>
      channel.ask('queue.bind', { queue: 'p.q', exchange: 'p.h', arguments: { 'x-match': 'odd' } }),
    'channel: PRECONDITION_FAILED - Invalid x-match field value <<"odd">>; expected all, any, all-with-x, or any-with-x',
  ],
  [
    'publish expiration',
    (channel) => channel.publish('p.x', 'k', { expiration: 'soon' }, nothing),
    "channel: PRECONDITION_FAILED - invalid expiration 'soon': no_integer",
  ],
  [
    'publish expiration -1',
    (channel) => channel.publish('p.x', 'k', { expiration: '-1' }, nothing),
    "channel: PRECONDITION_FAILED - invalid expiration '-1': {value_negative,-1}",
  ],
  [
    'publish expiration big',
    (channel) => channel.publish('p.x', 'k', { expiration: '99999999999999' }, nothing),
    "channel: PRECONDITION_FAILED - invalid expiration '99999999999999': {value_too_large,99999999999999}",
  ],
  [
    'alternate int',
    (channel) =>
      channel.ask('exchange.declare', {
        exchange: 'p.ai',
        type: 'direct',
        arguments: { 'alternate-exchange': 5 },
      }),
    "channel: PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in exchange 'p.ai' in vhost '/'",
  ],
  [
    'alternate inequiv',
    (channel) =>
      channel.ask('exchange.declare', {
        exchange: 'p.x',
        type: 'direct',
        arguments: { 'alternate-exchange': 'z' },
      }),
    "channel: PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'p.x' in vhost '/': received the value 'z' of type 'longstr' but current is none",
  ],
  [
    'declare passive without a name',
    async (channel) => {
      await channel.ask('queue.declare', { exclusive: true })
      return channel.ask('queue.declare', { passive: true })
    },
    "channel: NOT_FOUND - no queue '' in vhost '/'",
  ],
  [
    'exclusive declared again as not exclusive',
    async (channel) => {
      await channel.ask('queue.declare', { queue: 'p.e', exclusive: true })
      return channel.ask('queue.declare', { queue: 'p.e' })
    },
    "channel: RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'p.e' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.",
  ],
  [
    'exclusive declared again as durable',
    async (channel) => {
      await channel.ask('queue.declare', { queue: 'p.e', exclusive: true })
      return channel.ask('queue.declare', { queue: 'p.e', exclusive: true, durable: true })
    },
    'nothing',
  ],
  [
    'ttl beyond ten years',
    (channel) =>
      channel.ask('queue.declare', {
        queue: 'p.e',
        exclusive: true,
        arguments: { 'x-message-ttl': 315_360_000_001 },
      }),
    "channel: PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'p.e' in vhost '/': {value_too_large,315360000001}",
  ],
  [
    'another ttl',
    async (channel) => {
      const declare = (ttl: number) =>
        channel.ask('queue.declare', {
          queue: 'p.e',
          exclusive: true,
          arguments: { 'x-message-ttl': ttl },
        })
      await declare(1000)
      return declare(1001)
    },
    "channel: PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'p.e' in vhost '/': received '1001' but current is '1000'",
  ],
  [
    'exclusive consume of a single active consumer',
    async (channel) => {
      const table = { 'x-single-active-consumer': true }
      await channel.ask('queue.declare', { queue: 'p.e', exclusive: true, arguments: table })
      return channel.ask('basic.consume', { queue: 'p.e', exclusive: true })
    },
    "channel: ACCESS_REFUSED - queue 'p.e' in vhost '/' in exclusive use",
  ],
  [
    'ack up to a tag that was acked',
    async (channel) => {
      const { queue } = await channel.ask('queue.declare', { exclusive: true })
      for (const text of ['a', 'b', 'c']) await channel.publish('', queue, {}, Buffer.from(text))
      let left = 3
      await new Promise<void>((resolve) => {
        const take = () => void (--left === 0 && resolve())
        channel.consume(queue, 'three', {}, take, () => {})
      })
      await channel.tell('basic.ack', { deliveryTag: 2 })
      return channel.tell('basic.ack', { deliveryTag: 2, multiple: true })
    },
    'channel: PRECONDITION_FAILED - unknown delivery tag 2',
  ],
  [
    'consume empty queue name',
    (channel) => channel.ask('basic.consume', {}),
    'channel: NOT_FOUND - no previously declared queue',
  ],
  [
    'exclusive consume in use',
    async (channel) => {
      await channel.ask('basic.consume', { queue: 'p.q', noAck: true })
      return channel.ask('basic.consume', { queue: 'p.q', exclusive: true })
    },
    "channel: ACCESS_REFUSED - queue 'p.q' in vhost '/' in exclusive use",
  ],
  [
    'ack multiple 0 none',
    (channel) => channel.tell('basic.ack', { deliveryTag: 0, multiple: true }),
    'nothing',
  ],
  [
    'ack 0',
    (channel) => channel.tell('basic.ack', { deliveryTag: 0 }),
    'channel: PRECONDITION_FAILED - unknown delivery tag 0',
  ],
  [
    'ack multiple 5',
    (channel) => channel.tell('basic.ack', { deliveryTag: 5, multiple: true }),
    'channel: PRECONDITION_FAILED - unknown delivery tag 5',
  ],
  [
    'channel.open twice',
    (channel) => channel.ask('channel.open', {}),
    "connection: CHANNEL_ERROR - second 'channel.open' seen",
  ],
]

describe.each(parityBrokers)('%s', (_name, open) => {
  let broker: ParityBroker
  beforeAll(async () => {
    broker = await open()
    const channel = await broker.channel()
    await channel.ask('queue.declare', { queue: 'p.q', arguments: { 'x-expires': 600_000 } })
    for (const type of ['direct', 'topic', 'headers'])
      await channel.ask('exchange.declare', { exchange: `p.${type[0] === 'd' ? 'x' : type[0]}`, type })
  })
  afterAll(async () => {
    const channel = await broker.channel()
    await channel.ask('queue.delete', { queue: 'p.q' })
    for (const name of ['p.x', 'p.t', 'p.h']) await channel.ask('exchange.delete', { exchange: name })
    await broker.close()
  })

  test.each(cases)('%s', async (_what, act, expected) => {
    expect(await refusal(broker, act)).toBe(expected)
  })

  test('names lose their line ends', async () => {
    const channel = await broker.channel()
    const { queue } = await channel.ask('queue.declare', { queue: 'p.\r\nlines', exclusive: true })
    expect(queue).toBe('p.lines')
  })

  test("a server's own name can't be asked for again", async () => {
    let name = ''
    const outcome = await refusal(broker, async (channel) => {
      name = (await channel.ask('queue.declare', { exclusive: true })).queue
      await channel.ask('queue.declare', { queue: name, exclusive: true })
    })
    expect(name).toMatch(/^amq\.gen-[\w-]{22}$/)
    expect(outcome).toBe(`channel: ACCESS_REFUSED - queue name '${name}' contains reserved prefix 'amq.*'`)
  })
})
