// The management API as its clients use it.
import { describe, expect, test } from 'vitest'
import { consumer } from '../test-broker.ts'
import { testManagement } from './test-management.ts'

const names = (list: { name: string }[]) => list.map(({ name }) => name)
const look = (ackmode: string, count = 10) => ({ count, ackmode, encoding: 'auto' })
const message = (routingKey: string, payload = 'hello', properties = {}) => ({
  routing_key: routingKey,
  payload,
  payload_encoding: 'string',
  properties,
})

describe('queues', () => {
  test('are declared, listed and deleted', async () => {
    const { ask } = await testManagement()
    const spec = { durable: true, arguments: { 'x-max-length': 5, 'x-queue-type': 'quorum' } }
    expect((await ask('PUT', 'queues/%2F/orders', spec)).status).toBe(201)
    expect((await ask('PUT', 'queues/%2F/orders', spec)).status).toBe(204)
    expect((await ask('PUT', 'queues/%2F/orders', { durable: false })).json).toEqual({
      error: 'bad_request',
      reason:
        "inequivalent arg 'durable' for queue 'orders' in vhost '/': received 'false' but current is 'true'",
    })
    expect((await ask('GET', 'queues/%2F/orders')).json).toMatchObject({
      name: 'orders',
      vhost: '/',
      type: 'quorum',
      durable: true,
      auto_delete: false,
      arguments: { 'x-max-length': 5, 'x-queue-type': 'quorum' },
      messages: 0,
      consumers: 0,
      state: 'running',
      policy: null,
    })
    expect((await ask('DELETE', 'queues/%2F/orders')).status).toBe(204)
    expect((await ask('DELETE', 'queues/%2F/orders')).json).toEqual({
      error: 'Object Not Found',
      reason: 'Not Found',
    })
  })

  test('show, give back, give away and purge their messages', async () => {
    const { ask } = await testManagement()
    await ask('PUT', 'queues/%2F/q', {})
    const properties = { delivery_mode: 2, content_type: 'text/plain', headers: { n: 1, list: ['x'] } }
    const send = (body: object) => ask('POST', 'exchanges/%2F/amq.default/publish', body)
    expect((await send(message('q', 'one', properties))).json).toEqual({ routed: true })
    expect((await send(message('nowhere'))).json).toEqual({ routed: false })
    await send({ ...message('q', '//8='), payload_encoding: 'base64' })
    const read = async (ackmode: string, count?: number) =>
      (await ask('POST', 'queues/%2F/q/get', look(ackmode, count))).json
    expect(await read('ack_requeue_true')).toEqual([
      {
        payload: 'one',
        payload_bytes: 3,
        payload_encoding: 'string',
        exchange: '',
        routing_key: 'q',
        redelivered: false,
        message_count: 1,
        properties,
      },
      expect.objectContaining({ payload: '//8=', payload_encoding: 'base64', properties: [] }),
    ])
    expect((await read('ack_requeue_false', 1))[0]).toMatchObject({ payload: 'one', redelivered: true })
    expect(
      (await ask('POST', 'queues/%2F/q/get', { ...look('reject_requeue_true'), truncate: 1 })).json,
    ).toMatchObject([{ payload: '/w==', payload_bytes: 2 }])
    expect((await ask('DELETE', 'queues/%2F/q?if-empty=true')).json.reason).toBe(
      "queue 'q' in vhost '/' not empty",
    )
    expect((await ask('DELETE', 'queues/%2F/q/contents')).status).toBe(204)
    expect(await read('ack_requeue_true')).toEqual([])
    expect((await ask('DELETE', 'queues/%2F/q?if-empty=true')).status).toBe(204)
  })

  test.each([
    [{ ...look('ack_requeue_true'), count: undefined }, '[{key_missing,count}]'],
    [look('other'), 'ackmode should be one of'],
    [{ ...look('ack_requeue_true'), encoding: 'x' }, 'unsupported encoding x'],
    [{ ...look('ack_requeue_true'), truncate: -1 }, 'truncate should not be negative'],
  ])('refuse to be looked into by %j', async (body, words) => {
    const { ask } = await testManagement()
    await ask('PUT', 'queues/%2F/q', {})
    const { status, json } = await ask('POST', 'queues/%2F/q/get', body)
    expect([status, json.error, json.reason]).toEqual([400, 'bad_request', expect.stringContaining(words)])
  })
})

describe('exchanges and bindings', () => {
  test('are made, told apart by their keys, and unmade', async () => {
    const { ask } = await testManagement()
    await ask('PUT', 'exchanges/%2F/logs', { type: 'topic', durable: true })
    await ask('PUT', 'queues/%2F/q', {})
    const at = 'bindings/%2F/e/logs/q/q'
    const first = await ask('POST', at, { routing_key: 'a b.~#' })
    const second = await ask('POST', at, { routing_key: 'a b.~#', arguments: { x: 1 } })
    const third = await ask('POST', at)
    expect([first.status, second.status]).toEqual([201, 201])
    expect(third.headers.location).toBe('q/~')
    const listed = (await ask('GET', at)).json as { routing_key: string; properties_key: string }[]
    expect(listed).toHaveLength(3)
    expect(new Set(listed.map((each) => each.properties_key)).size).toBe(3)
    for (const { headers } of [first, second, third])
      expect((await ask('DELETE', `bindings/%2F/e/logs/q/${headers.location}`)).status).toBe(204)
    expect((await ask('GET', at)).json).toEqual([])
    expect((await ask('GET', 'queues/%2F/q/bindings')).json).toEqual([
      expect.objectContaining({ source: '', destination: 'q', routing_key: 'q', properties_key: 'q' }),
    ])
    expect((await ask('POST', 'bindings/%2F/e/logs/q/none', {})).json).toEqual({
      error: 'not_found',
      reason: "no queue 'none' in vhost '/'",
    })
  })

  test('are listed from both ends, the default exchange among them', async () => {
    const { ask } = await testManagement()
    await ask('PUT', 'exchanges/%2F/a', { type: 'fanout' })
    await ask('PUT', 'exchanges/%2F/b', { type: 'fanout' })
    await ask('POST', 'bindings/%2F/e/a/e/b', { routing_key: 'k' })
    const binding = { source: 'a', destination: 'b', destination_type: 'exchange', routing_key: 'k' }
    expect((await ask('GET', 'exchanges/%2F/a/bindings/source')).json).toMatchObject([binding])
    expect((await ask('GET', 'exchanges/%2F/b/bindings/destination')).json).toMatchObject([binding])
    expect(names((await ask('GET', 'exchanges/%2F')).json)).toEqual([
      '',
      'a',
      'amq.direct',
      'amq.fanout',
      'amq.headers',
      'amq.match',
      'amq.topic',
      'b',
    ])
    expect((await ask('PUT', 'exchanges/%2F/c', { type: 'nonsense' })).json.reason).toBe(
      "unknown exchange type 'nonsense'",
    )
  })
})

describe('lists', () => {
  test('are filtered, sorted and paged', async () => {
    const { ask } = await testManagement()
    for (const name of ['b1', 'a1', 'a2', 'c1']) await ask('PUT', `queues/%2F/${name}`, {})
    await ask('POST', 'exchanges/%2F/amq.default/publish', message('a2'))
    const list = async (query: string) => (await ask('GET', `queues?${query}`)).json
    expect(await list('columns=name')).toEqual([
      { name: 'a1' },
      { name: 'a2' },
      { name: 'b1' },
      { name: 'c1' },
    ])
    expect((await list('sort=messages&sort_reverse=true&columns=name,messages_ready'))[0]).toEqual({
      name: 'a2',
      messages_ready: 1,
    })
    expect(await list('page=2&page_size=3&columns=name')).toEqual({
      filtered_count: 4,
      item_count: 1,
      items: [{ name: 'c1' }],
      page: 2,
      page_count: 2,
      page_size: 3,
      total_count: 4,
    })
    expect(await list('page=1&name=^a&use_regex=true&columns=name')).toMatchObject({
      filtered_count: 2,
      total_count: 4,
      items: [{ name: 'a1' }, { name: 'a2' }],
    })
    expect(await list('page=9&page_size=2')).toEqual({
      error: 'page_out_of_range',
      reason: 'Page out of range, page: 9 page size: 2, len: 4',
    })
    expect((await list('page=a')).reason).toBe('Pagination parameters are invalid')
    expect((await ask('GET', 'queues/%2F/a2?columns=name,message_stats.publish')).json).toEqual({
      name: 'a2',
      message_stats: { publish: 1 },
    })
  })
})

describe('clients', () => {
  test('are shown with their channels and consumers, and closed with the reason', async () => {
    const it = await testManagement()
    const connection = await it.connect()
    const channel = await connection.openChannel()
    await channel.ask('queue.declare', { queue: 'q' })
    await channel.ask('basic.qos', { prefetchCount: 7 })
    await consumer(channel, 'q')
    const [shown] = (await it.ask('GET', 'connections')).json
    expect(shown).toMatchObject({
      user: 'nimbo',
      vhost: '/',
      state: 'running',
      channels: 1,
      protocol: 'AMQP 0-9-1',
      auth_mechanism: 'PLAIN',
      frame_max: 131072,
      client_properties: { connection_name: 'test' },
      user_provided_name: 'test',
      ssl: false,
    })
    expect(shown.recv_oct).toBeGreaterThan(100)
    const at = `connections/${encodeURIComponent(shown.name)}`
    const [shownChannel] = (await it.ask('GET', `${at}/channels`)).json
    expect(shownChannel).toMatchObject({ number: 1, prefetch_count: 7, consumer_count: 1, user: 'nimbo' })
    const detail = await it.ask('GET', `channels/${encodeURIComponent(shownChannel.name)}`)
    const shownConsumer = {
      consumer_tag: 'tag-q-1',
      queue: { name: 'q', vhost: '/' },
      ack_required: true,
      prefetch_count: 7,
      active: true,
    }
    expect(detail.json.consumer_details).toMatchObject([shownConsumer])
    expect((await it.ask('GET', 'consumers')).json).toMatchObject([shownConsumer])
    expect((await it.ask('GET', 'queues/%2F/q')).json.consumer_details).toMatchObject([shownConsumer])
    const reason = { 'x-reason': 'go away' }
    expect((await it.ask('DELETE', at, undefined, { headers: reason })).status).toBe(204)
    await expect(channel.ask('queue.declare', { queue: 'q' })).rejects.toThrow('CONNECTION_FORCED - go away')
    expect((await it.ask('GET', 'connections')).json).toEqual([])
    expect((await it.ask('DELETE', at)).status).toBe(404)
  })

  test('are closed together, by user or virtual host', async () => {
    const it = await testManagement()
    it.addUser('ann')
    await it.connect({ user: 'ann' })
    await it.connect({ user: 'ann' })
    const own = await it.connect()
    const shownNames = names((await it.ask('GET', 'connections')).json)
    expect(new Set(shownNames).size).toBe(3)
    const close = (body: object) => it.ask('POST', 'nimbo/close-all-connections', { reason: 'bye', ...body })
    expect((await close({ vhost: 'none' })).json).toEqual({ closed: 0 })
    expect((await close({ username: 'ann', limit: 1 })).json).toEqual({ closed: 1 })
    expect((await it.ask('DELETE', 'connections/username/ann')).status).toBe(204)
    expect((await it.ask('GET', 'connections')).json).toMatchObject([{ user: 'nimbo' }])
    await own.openChannel()
  })
})

test('rates follow what happens between two looks, totals outlive their channels', async () => {
  const it = await testManagement()
  const channel = await it.channel()
  await channel.ask('queue.declare', { queue: 'q' })
  await it.world.advance(5000)
  for (let i = 0; i < 50; i++) await channel.publish('amq.fanout', '', {}, Buffer.from('x'))
  for (let i = 0; i < 20; i++) await channel.publish('', 'q', {}, Buffer.from('x'))
  await channel.ask('basic.get', { queue: 'q' })
  await channel.close()
  await it.world.advance(5000)
  expect((await it.ask('GET', 'queues/%2F/q')).json).toMatchObject({
    messages: 20,
    messages_details: { rate: 4 },
    message_stats: { publish: 20, publish_details: { rate: 4 } },
  })
  const { message_stats, queue_totals, churn_rates } = (
    await it.ask('GET', 'overview?msg_rates_age=60&msg_rates_incr=5&lengths_age=60&lengths_incr=5')
  ).json
  expect(message_stats).toMatchObject({
    publish: 70,
    publish_details: { rate: 14 },
    drop_unroutable: 50,
    get: 1,
    deliver_get: 1,
  })
  expect(message_stats.publish_details.samples.map(({ sample }: { sample: number }) => sample)).toEqual([
    70, 0, 0,
  ])
  expect(queue_totals).toMatchObject({ messages: 20, messages_details: { rate: 4, avg_rate: 2 } })
  expect(churn_rates).toMatchObject({
    connection_created: 1,
    channel_created: 1,
    channel_closed: 1,
    queue_created: 1,
  })
  const ofQueue = async () =>
    (await it.ask('GET', 'queues/%2F/q?lengths_age=60&lengths_incr=5')).json.messages_details.samples
  expect(await ofQueue()).toHaveLength(1)
  await it.world.advance(5000)
  expect(await ofQueue()).toMatchObject([{ sample: 20 }, { sample: 20 }])
  expect((await it.ask('GET', 'exchanges/%2F/amq.fanout')).json.message_stats).toMatchObject({
    publish_in: 50,
    publish_in_details: { rate: 0 },
    publish_out: 0,
  })
})
