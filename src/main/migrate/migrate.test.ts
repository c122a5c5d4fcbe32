import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ClientChannel, Delivered } from '#kit/amqp/client/channel.ts'
import { type MqBroker, mqBroker, runMqLine } from '../verb/test-mq.ts'
import { openTestClient } from '../verb/test-mq-client.ts'
import { type Definitions, planMigration } from './plan.ts'

let source: MqBroker
let target: MqBroker
beforeEach(async () => {
  source = await mqBroker()
  target = await mqBroker()
})
afterEach(async () => {
  await source.close()
  await target.close()
})

const migrate = (...more: string[]) =>
  runMqLine(
    source,
    [
      'migrate',
      '--to',
      `amqp://operator@127.0.0.1:${target.amqpPort}`,
      '--to-management',
      target.url,
      ...more,
    ],
    { env: { NIMBO_MQ_TO_PASSWORD: 'a secret' } },
  )

async function declare(channel: ClientChannel, queue: string, args = {}): Promise<void> {
  await channel.ask('queue.declare', { queue, durable: true, arguments: args })
}

/** Everything in the queue, in its order. */
async function readAll(port: number, queue: string): Promise<Delivered[]> {
  const { connection, channel } = await openTestClient(port)
  const { messageCount } = await channel.ask('queue.declare', { queue, passive: true })
  const got: Delivered[] = []
  await new Promise<void>((resolve, reject) => {
    if (messageCount === 0) return resolve()
    const take = (message: Delivered) => {
      got.push(message)
      if (got.length === messageCount) resolve()
    }
    channel.consume(queue, 'reader', {}, take, () => reject(new Error('gone'))).catch(reject)
  })
  await connection.close()
  return got
}

describe('nimbo mq migrate', () => {
  it('carries definitions and messages as they are, and leaves nothing of its own behind', async () => {
    const { connection, channel } = await openTestClient(source.amqpPort)
    await declare(channel, 'orders', { 'x-max-priority': 3 })
    await declare(channel, 'other')
    await channel.ask('exchange.declare', { exchange: 'shop', type: 'topic', durable: true })
    await channel.ask('queue.bind', { queue: 'orders', exchange: 'shop', routingKey: 'order.#' })
    await channel.publish(
      '',
      'orders',
      // CC would route a second time if it were published as it is.
      {
        messageId: 'm1',
        userId: 'operator',
        deliveryMode: 2,
        expiration: '3600000',
        headers: { CC: ['other'], n: 1 },
      },
      Buffer.from('first'),
    )
    await channel.publish('shop', 'order.large', { messageId: 'm2' }, Buffer.alloc(300_000, 'b'))
    await connection.close()
    await runMqLine(source, ['add_user', 'shop', 'keeps its password'])
    await runMqLine(source, ['set_permissions', 'shop', '^shop', '', '.*'])
    await runMqLine(source, ['set_operator_policy', 'bound', '.', '{"max-length":100}'])

    const dry = await migrate('--dry-run')
    expect(dry).toMatchObject({ code: 0, err: '' })
    expect(dry.out).toContain('messages: about 3, in 2 durable queues')
    expect((await runMqLine(target, ['-s', 'list_queues'])).out).toBe('')

    const done = await migrate()
    expect(done).toMatchObject({ code: 0, err: '' })
    expect(done.out).toContain('3 messages were carried, in 2 queues.')
    expect(done.out).toContain(`transport_url: rabbit://operator:PASSWORD@127.0.0.1:${target.amqpPort}/`)
    const [first, large, ...rest] = await readAll(target.amqpPort, 'orders')
    expect(rest).toEqual([])
    expect(first).toMatchObject({
      routingKey: 'orders',
      properties: { messageId: 'm1', userId: 'operator', deliveryMode: 2, headers: { CC: ['other'], n: 1 } },
    })
    expect(large).toMatchObject({ routingKey: 'order.large', body: Buffer.alloc(300_000, 'b') })
    expect((await readAll(target.amqpPort, 'other')).map((each) => each.properties.messageId)).toEqual(['m1'])
    expect((await runMqLine(target, ['authenticate_user', 'shop', 'keeps its password'])).code).toBe(0)
    expect((await runMqLine(target, ['-s', 'list_operator_policies'])).out).toContain('bound')
    for (const broker of [source, target]) {
      expect((await runMqLine(broker, ['-s', 'list_users'])).out).not.toContain('nimbo-migrate')
      expect((await runMqLine(broker, ['-s', 'list_exchanges'])).out).not.toContain('nimbo-migrate')
    }
    expect((await runMqLine(source, ['-s', 'list_queues'])).out).toBe('orders\t0\nother\t0')
  })

  it('loses nothing when it is cut off, and goes on where it was', async () => {
    const { connection, channel } = await openTestClient(source.amqpPort)
    await declare(channel, 'q')
    const bodies = Array.from({ length: 500 }, (_, index) => `message ${index}`)
    await Promise.all(bodies.map((body) => channel.publish('', 'q', { messageId: body }, Buffer.from(body))))
    await connection.close()
    // Its connections end under it, as soon as the target has something.
    const first = migrate()
    const cut = new Promise<void>((resolve, reject) => {
      const look = () => {
        const some = target.broker.vhosts.get('/')?.queues.get('q')?.messageCount ?? 0
        if (some === 0) return setImmediate(look)
        runMqLine(target, ['close_all_connections', 'cut']).then(() => resolve(), reject)
      }
      look()
    })
    await cut
    const cutOff = await first
    expect(cutOff.code).toBe(69)
    expect((await migrate()).code).toBe(0)
    const arrived = (await readAll(target.amqpPort, 'q')).map((each) => each.properties.messageId)
    expect(new Set(arrived)).toEqual(new Set(bodies))
    expect((await runMqLine(source, ['-s', 'list_queues'])).out).toBe('q\t0')
  })

  it('moves nothing where the target has something else of the same name', async () => {
    const here = await openTestClient(source.amqpPort)
    await declare(here.channel, 'q', { 'x-max-length': 5 })
    await here.channel.publish('', 'q', {}, Buffer.from('stays'))
    await here.connection.close()
    const there = await openTestClient(target.amqpPort)
    await declare(there.channel, 'q')
    await there.connection.close()
    const said = await migrate()
    expect(said.code).toBe(69)
    expect(said.err).toContain("queue 'q' in '/' exists there with another arguments")
    expect((await runMqLine(source, ['-s', 'list_queues'])).out).toBe('q\t1')
  })

  it('refuses to move a broker onto itself', async () => {
    const self = [
      'migrate',
      '--to',
      `amqp://operator@127.0.0.1:${source.amqpPort}`,
      '--to-management',
      source.url,
    ]
    expect((await runMqLine(source, self, { env: { NIMBO_MQ_TO_PASSWORD: 'a secret' } })).code).toBe(64)
  })
})

describe('the plan', () => {
  const nothing: Definitions = {
    ...{ vhosts: [{ name: '/' }], users: [], permissions: [], topic_permissions: [], parameters: [] },
    ...{ global_parameters: [], policies: [], exchanges: [], queues: [], bindings: [] },
  }
  const side = (given: Partial<Definitions>) => ({
    definitions: { ...nothing, ...given },
    operatorPolicies: [],
  })

  it('leaves the user by whom the target is entered alone, and what only that target has', () => {
    const plan = planMigration(
      side({
        users: [{ name: 'admin', password_hash: 'ours' }, { name: 'shop' }, { name: 'nimbo-migrate' }],
        global_parameters: [
          { name: 'cluster_name', value: 'ours' },
          { name: 'mqtt', value: 1 },
        ],
      }),
      [],
      side({ users: [{ name: 'admin', password_hash: 'theirs' }] }),
      { entering: 'admin' },
    )
    expect(plan.definitions.users).toEqual([{ name: 'shop' }])
    expect(plan.definitions.global_parameters).toEqual([{ name: 'mqtt', value: 1 }])
    expect(plan.replaced).toEqual([])
  })

  it('carries durable things with the bindings between them, and says what stays', () => {
    const queue = (name: string, durable: boolean) => ({
      name,
      vhost: '/',
      durable,
      auto_delete: false,
      arguments: {},
    })
    const binding = (destination: string) => ({
      ...{ name: '', vhost: '/', source: 'amq.topic', destination, destination_type: 'queue' },
    })
    const plan = planMigration(
      side({
        queues: [queue('kept', true), queue('passing', false)],
        bindings: [binding('kept'), binding('passing')],
      }),
      [
        { name: 'kept', vhost: '/', durable: true, messages: 2 },
        { name: 'passing', vhost: '/', durable: false, messages: 3 },
      ],
      side({ queues: [{ ...queue('kept', true), arguments: { 'x-queue-type': 'classic' } }] }),
      { entering: 'admin' },
    )
    expect(plan.queues).toEqual([{ vhost: '/', name: 'kept' }])
    expect(plan.definitions.bindings).toEqual([binding('kept')])
    expect(plan.messages).toBe(2)
    expect(plan.left).toEqual(["queue 'passing' in '/' has 3 messages and is not durable"])
    expect(plan.conflicts).toEqual([])
  })

  it('gives durable queues copies on more nodes where that is asked for and can be', () => {
    const queue = (name: string, args: object) => ({ name, vhost: '/', durable: true, arguments: args })
    const given = side({
      queues: [
        queue('plain', { 'x-max-length': 5 }),
        queue('priority', { 'x-max-priority': 3 }),
        queue('chosen', { 'x-queue-type': 'classic' }),
      ],
    })
    const { definitions } = planMigration(given, [], side({}), { entering: 'admin', asQuorum: true })
    expect(definitions.queues.map((each) => each.arguments)).toEqual([
      { 'x-max-length': 5, 'x-queue-type': 'quorum' },
      { 'x-max-priority': 3 },
      { 'x-queue-type': 'classic' },
    ])
  })
})
