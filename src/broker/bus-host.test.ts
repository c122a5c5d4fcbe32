// The bus between controllers and hosts over this broker: who waits for whom, who may answer whom, what comes twice, and
// messages of the release before.
import { Duplex } from 'node:stream'
import { Type } from 'typebox'
import { afterEach, expect, test } from 'vitest'
import type { Bus, Handlers } from '#kit/bus/bus.ts'
import { type BusOptions, openBus } from '#kit/bus/client.ts'
import { call, cast, contract, hostContract } from '#kit/bus/contract.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import { type Log, silentLog } from '#kit/log/log.ts'
import type { Connection } from '#kit/world/world.ts'
import { clearPolicy, setPolicy } from './admin/set-policy.ts'
import { consumer, everything, type TestBroker, testBroker } from './test-broker.ts'

const Id = Type.String()
const compute = hostContract('nova', 'compute', '1.2', {
  build: cast(Type.Object({ serverId: Id })),
  power: call(Type.Object({ serverId: Id }), Type.Object({ state: Id })),
})
const conductor = contract('nova', 'conductor', '1.0', {
  told: cast(Type.Object({ host: Id, what: Id })),
  asked: call(Type.Object({ host: Type.Optional(Id) }), Type.Object({ answer: Id })),
})
const idle: Handlers<typeof compute.methods> = {
  build: async () => undefined,
  power: async () => ({ state: 'on' }),
}

let opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of opened.reverse()) await each.close()
  opened = []
})

async function parts() {
  const made = await testBroker()
  opened.push({ close: () => made.broker.close() })
  for (const user of ['controller', 'agent@h1', 'agent@h2'])
    made.broker.setUser(user, { password: user, permissions: { '/': everything } })
  return made
}

async function busOf(made: TestBroker, user: string, more: Partial<BusOptions> = {}) {
  const journal = openJournal({
    world: made.world,
    log: silentLog,
    host: user,
    service: 'test',
    sink: memorySink(),
  })
  let stream: Connection | undefined
  const client: Bus = await openBus({
    world: made.world,
    log: silentLog,
    journal,
    connect: async () => {
      stream = made.stream()
      return stream
    },
    user,
    password: user,
    name: user,
    limited: user !== 'controller',
    ...(user === 'controller' && { contracts: [compute, conductor], speaksFor }),
    ...more,
  })
  opened.push(client)
  return { client, trace: journal.newTrace(), cut: () => void stream!.destroy() }
}
const speaksFor = (user: string | undefined, host: string | undefined) =>
  user === 'controller' || (host !== undefined && user === `agent@${host}`)

test('a host waits until a controller has declared what hosts share, and serves then', async () => {
  const made = await parts()
  const said: string[] = []
  const log: Log = { ...silentLog, info: (fields) => void said.push(String(fields.exchange)) }
  const agent = busOf(made, 'agent@h1', { log })
  await made.world.advance(3_000)
  expect(said).toEqual(['reply_host'])
  const controller = await busOf(made, 'controller')
  await made.world.advance(1_000)
  await (await agent).client.serve(compute, 'h1', 'nova-compute', idle)
  const hosts = controller.client.caller(compute, 'nova-conductor')
  expect(await hosts.power({ serverId: 's' }, { host: 'h1', trace: controller.trace })).toEqual({
    state: 'on',
  })
  expect([...made.broker.vhosts.get('/')!.queues.keys()].filter((name) => name === 'compute')).toEqual([])
})

test('a message to hosts names one, or goes to all of them', async () => {
  const made = await parts()
  const { client, trace } = await busOf(made, 'controller')
  const built: string[] = []
  for (const host of ['h1', 'h2'])
    await (await busOf(made, `agent@${host}`)).client.serve(compute, host, 'nova-compute', {
      ...idle,
      build: async () => void built.push(host),
    })
  const hosts = client.caller(compute, 'nova-conductor')
  await expect(hosts.build({ serverId: 's' }, { trace })).rejects.toThrow('names one, or goes to all')
  await hosts.build({ serverId: 's' }, { trace, fanout: true })
  await made.world.settle()
  expect(built.toSorted()).toEqual(['h1', 'h2'])
})

test('what a host asks for another one, or without a name, is refused, and a cast of that kind is put aside', async () => {
  const made = await parts()
  const controller = await busOf(made, 'controller')
  const heard: unknown[] = []
  await controller.client.serve(conductor, 'c', 'nova-conductor', {
    told: async (params, { user }) => void heard.push([params.host, user]),
    asked: async (_, { user }) => ({ answer: String(user) }),
  })
  const agent = await busOf(made, 'agent@h1')
  const { trace } = agent
  const services = agent.client.caller(conductor, 'nova-compute')
  expect(await services.asked({ host: 'h1' }, { trace })).toEqual({ answer: 'agent@h1' })
  await expect(services.asked({ host: 'h2' }, { trace })).rejects.toMatchObject({
    kind: 'forbidden',
    message: 'Bus user agent@h1 may not ask for conductor.asked of host h2',
  })
  await expect(services.asked({}, { trace })).rejects.toMatchObject({ kind: 'forbidden' })
  await services.told({ host: 'h2', what: 'forged' }, { trace })
  await services.told({ host: 'h1', what: 'true' }, { trace })
  expect(await controller.client.caller(conductor, 'api').asked({}, { trace })).toEqual({
    answer: 'controller',
  })
  await made.world.settle()
  expect(heard).toEqual([['h1', 'agent@h1']])
  const [dead] = await (await consumer(await made.channel(), 'nova.dead', { noAck: true })).count(1)
  expect(dead!.properties.headers).toMatchObject({
    'x-user': 'agent@h1',
    'x-error': 'Bus user agent@h1 may not ask for conductor.told of host h2',
  })
})

test('only the host that was asked can answer, also where another one knows the call', async () => {
  const made = await parts()
  const { client, trace } = await busOf(made, 'controller')
  const victim = await busOf(made, 'agent@h1')
  await victim.client.serve(compute, 'h1', 'nova-compute', {
    ...idle,
    power: async (_, { messageId }) => {
      const [queue] = [...made.broker.vhosts.get('/')!.queues.keys()].filter((name) =>
        name.startsWith('reply_controller'),
      )
      const forger = await (await made.connect({ user: 'agent@h2', password: 'agent@h2' })).openChannel()
      const forged = Buffer.from(JSON.stringify({ result: { state: 'forged' } }))
      await forger.confirmPublishing()
      for (const userId of ['agent@h2', undefined])
        await forger.publish('reply', queue!, { messageId, correlationId: messageId, userId }, forged)
      await made.world.timers.sleep(1_000)
      return { state: 'true' }
    },
  })
  const asked = client.caller(compute, 'api').power({ serverId: 's' }, { host: 'h1', trace })
  await made.world.advance(2_000)
  expect(await asked).toEqual({ state: 'true' })
})

test('a cast that comes again is handled once: its sender lost the confirm, or its server the acknowledgement', async () => {
  const made = await parts()
  const { client } = await busOf(made, 'controller')
  const agent = await busOf(made, 'agent@h1')
  const built: string[] = []
  await agent.client.serve(compute, 'h1', 'nova-compute', {
    ...idle,
    async build({ serverId }) {
      built.push(serverId)
      await made.world.timers.sleep(2_000)
      return undefined
    },
  })
  const channel = await (await made.connect({ user: 'controller', password: 'controller' })).openChannel()
  const send = (messageId: string, serverId: string) =>
    channel.publish(
      'nova_host',
      'compute.h1',
      { messageId, userId: 'controller', headers: { method: 'build', version: '1.2' } },
      Buffer.from(JSON.stringify({ serverId })),
    )
  await send('one', 'a')
  await send('one', 'a')
  await made.world.advance(500)
  // In hand, and redelivered over the next connection.
  agent.cut()
  await made.world.advance(10_000)
  await send('one', 'a')
  await send('two', 'b')
  await made.world.settle()
  expect(built).toEqual(['a', 'b'])
  expect(made.broker.vhosts.get('/')!.queues.get('compute.h1')!.messageCount).toBe(0)
  expect(client.connected).toBe(true)
})

test('a cast that failed is not taken for handled when it comes again', async () => {
  const made = await parts()
  await busOf(made, 'controller')
  const agent = await busOf(made, 'agent@h1')
  let tries = 0
  const served = await agent.client.serve(compute, 'h1', 'nova-compute', {
    ...idle,
    async build() {
      tries++
      throw new Error('not yet')
    },
  })
  const channel = await (await made.connect({ user: 'controller', password: 'controller' })).openChannel()
  const properties = { messageId: 'one', userId: 'controller', headers: { method: 'build', version: '1.2' } }
  await channel.publish('nova_host', 'compute.h1', properties, Buffer.from('{"serverId":"a"}'))
  await made.world.advance(300)
  await served.stop()
  expect(tries).toBe(2)
  const built: string[] = []
  await agent.client.serve(compute, 'h1', 'nova-compute', {
    ...idle,
    build: async ({ serverId }) => void built.push(serverId),
  })
  await made.world.settle()
  expect(built).toEqual(['a'])
})

test('messages as this release sends them are understood as long as the next one is out', async () => {
  // Frozen: to be changed only when the release that sent them is two releases back.
  const frozenCast = {
    properties: {
      contentType: 'application/json',
      messageId: '7f4df07a51de4f1e8a3b2c1d0e9f8a7b',
      userId: 'controller',
      deliveryMode: 2,
      headers: {
        method: 'build',
        version: '1.2',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        subject: 'server:s',
      },
    },
    body: '{"serverId":"s"}',
  }
  const frozenCall = {
    properties: {
      contentType: 'application/json',
      messageId: '0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f',
      correlationId: '0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f',
      userId: 'controller',
      deliveryMode: 1,
      replyTo: 'reply_controller_00112233445546778899aabbccddeeff',
      expiration: '60000',
      headers: { method: 'power', version: '1.2', deadline: Date.UTC(2026, 0, 1, 0, 1) },
    },
    body: '{"serverId":"s"}',
  }
  const made = await parts()
  await busOf(made, 'controller')
  const agent = await busOf(made, 'agent@h1')
  const built: unknown[] = []
  await agent.client.serve(compute, 'h1', 'nova-compute', {
    ...idle,
    build: async ({ serverId }, { trace }) => void built.push([serverId, trace.traceId]),
  })
  const channel = await (await made.connect({ user: 'controller', password: 'controller' })).openChannel()
  const { replyTo } = frozenCall.properties
  await channel.ask('queue.declare', { queue: replyTo, exclusive: true })
  await channel.ask('queue.bind', { queue: replyTo, exchange: 'reply', routingKey: replyTo })
  const replies = await consumer(channel, replyTo, { noAck: true })
  for (const { properties, body } of [frozenCast, frozenCall])
    await channel.publish('nova_host', 'compute.h1', properties, Buffer.from(body))
  const [reply] = await replies.count(1)
  expect(built).toEqual([['s', '0af7651916cd43dd8448eb211c80319c']])
  expect(reply!.body.toString()).toBe('{"result":{"state":"on"}}')
  expect(reply!.properties).toMatchObject({
    correlationId: frozenCall.properties.correlationId,
    userId: 'agent@h1',
  })
})

test('while the broker is short of memory a call fails at once with the reason, and a cast waits', async () => {
  const made = await parts()
  const said: unknown[] = []
  const log: Log = { ...silentLog, warn: (fields) => void said.push(fields.reason) }
  const { client, trace } = await busOf(made, 'controller', { log })
  const built: string[] = []
  await (await busOf(made, 'agent@h1')).client.serve(compute, 'h1', 'nova-compute', {
    ...idle,
    build: async ({ serverId }) => void built.push(serverId),
  })
  const hosts = client.caller(compute, 'api')
  // The broker tells those who publish while it is short.
  await hosts.build({ serverId: 'before' }, { host: 'h1', trace })
  await made.broker.alarms.setWatermark({ absolute: 0 })
  const waiting = hosts.build({ serverId: 'a' }, { host: 'h1', trace })
  await expect.poll(() => said).toEqual(['low on memory'])
  await expect(hosts.power({ serverId: 's' }, { host: 'h1', trace })).rejects.toMatchObject({
    kind: 'unavailable',
    message: 'The message broker takes no messages for now: low on memory',
  })
  expect(built).toEqual(['before'])
  await made.broker.alarms.setWatermark({ relative: 1 })
  await waiting
  expect(await hosts.power({ serverId: 's' }, { host: 'h1', trace })).toEqual({ state: 'on' })
  await made.world.settle()
  expect(built).toEqual(['before', 'a'])
})

test('a broker that is stopped in good order costs no cast, and no server its place', async () => {
  const made = await parts()
  const { client, trace } = await busOf(made, 'controller')
  const built: string[] = []
  const handlers = { ...idle, build: async ({ serverId }: { serverId: string }) => void built.push(serverId) }
  const agent = await busOf(made, 'agent@h1')
  await agent.client.serve(compute, 'h1', 'nova-compute', handlers)
  const hosts = client.caller(compute, 'api')
  const before = hosts.build({ serverId: 'before' }, { host: 'h1', trace })
  await made.broker.stop()
  const during = hosts.build({ serverId: 'during' }, { host: 'h1', trace })
  const second = busOf(made, 'agent@h2').then(({ client }) =>
    client.serve(compute, 'h2', 'nova-compute', handlers),
  )
  await made.world.advance(3_000)
  await made.broker.start()
  await made.world.settle()
  await Promise.all([before, during, second])
  // Whoever waits for nothing takes its time to come back.
  await made.world.advance(10_000)
  expect(built.toSorted()).toEqual(['before', 'during'])
})

test('a connection that has gone silent is given up, and what was sent on it arrives once over the next one', async () => {
  const made = await parts()
  let silent = false
  const connect = async () => {
    const stream = made.stream()
    if (silent) return stream
    const near: Connection = Object.assign(
      new Duplex({
        read() {},
        write: (chunk, _, done) => void stream.write(chunk, done),
        destroy(_, done) {
          stream.destroy()
          done(null)
        },
      }),
      { peer: 'cut off' },
    )
    stream.on('data', (chunk) => {
      if (!silent) near.push(chunk)
    })
    return near
  }
  const { client, trace } = await busOf(made, 'controller', { connect })
  const built: string[] = []
  await (await busOf(made, 'agent@h1')).client.serve(compute, 'h1', 'nova-compute', {
    ...idle,
    build: async ({ serverId }) => void built.push(serverId),
  })
  const hosts = client.caller(compute, 'api')
  await hosts.build({ serverId: 'before' }, { host: 'h1', trace })
  silent = true
  const asked = expect(hosts.power({ serverId: 's' }, { host: 'h1', trace })).rejects.toMatchObject({
    kind: 'unavailable',
  })
  const cast = hosts.build({ serverId: 'a' }, { host: 'h1', trace, timeoutMs: 60_000 })
  // Somebody waits: time is not held for what may be on a real thread.
  const stopWaiting = made.world.timers.after(100_000, () => {})
  const began = made.world.clock.monotonic()
  let ended = 0
  void cast.then(() => {
    ended = made.world.clock.monotonic()
  })
  for (let tenth = 0; tenth < 600 && ended === 0; tenth++) await made.world.advance(100)
  await asked
  await cast
  stopWaiting()
  expect(ended - began).toBeLessThan(15_000)
  expect(built).toEqual(['before', 'a'])
})

test('a queue that refuses messages is tried over another connection, and gets them when it takes them', async () => {
  const made = await parts()
  const { client, trace } = await busOf(made, 'controller')
  const built: string[] = []
  await (await busOf(made, 'agent@h1')).client.serve(compute, 'h1', 'nova-compute', {
    ...idle,
    async build({ serverId }) {
      built.push(serverId)
      await made.world.timers.sleep(60_000)
      return undefined
    },
  })
  const limit = { 'max-length': 1, overflow: 'reject-publish' }
  setPolicy(made.broker.registry, 'policy', '/', 'full', { pattern: '^compute', definition: limit })
  const hosts = client.caller(compute, 'api')
  const connected = () => [...made.broker.connections].find(({ user }) => user?.name === 'controller')
  const first = connected()
  // More than the server takes in hand fill its queue.
  const casts = Array.from({ length: 258 }, (_, index) =>
    hosts.build({ serverId: `${index}` }, { host: 'h1', trace, timeoutMs: 300_000 }),
  )
  for (let tenth = 0; tenth < 50; tenth++) await made.world.advance(100)
  expect(built.length).toBeLessThan(258)
  expect(connected()).not.toBe(first)
  clearPolicy(made.broker.registry, 'policy', '/', 'full')
  await made.world.settle()
  await Promise.all(casts)
  await made.world.settle()
  expect(new Set(built).size).toBe(258)
  expect(built).toHaveLength(258)
})

test('a topic permission holds for the copies that a header names, too', async () => {
  const made = await parts()
  await busOf(made, 'controller')
  const permissions = { '/': everything }
  const topicPermissions = { '/': { nova: { write: '^conductor$', read: '' } } }
  made.broker.setUser('agent@h1', { password: 'agent@h1', permissions, topicPermissions })
  const publish = async (headers: Record<string, string[]>) => {
    const channel = await (await made.connect({ user: 'agent@h1', password: 'agent@h1' })).openChannel()
    await channel.confirmPublishing()
    return channel.publish('nova', 'conductor', { headers }, Buffer.from('{}'))
  }
  expect(await publish({ CC: ['conductor'] })).toBe('routed')
  for (const header of ['CC', 'BCC'])
    await expect(publish({ [header]: ['scheduler'] })).rejects.toThrow("access to topic 'scheduler'")
})

test('a call learns at once that the login is refused, and is answered again once it holds', async () => {
  const made = await parts()
  const controller = await busOf(made, 'controller')
  await controller.client.serve(conductor, 'c', 'nova-conductor', {
    told: async () => undefined,
    asked: async () => ({ answer: 'yes' }),
  })
  const { client, trace } = await busOf(made, 'agent@h1')
  const ask = () => client.caller(conductor, 'nova-compute').asked({ host: 'h1' }, { trace })
  expect(await ask()).toEqual({ answer: 'yes' })
  made.broker.removeUser('agent@h1')
  await made.world.advance(0)
  const began = made.world.clock.monotonic()
  // This one waits for the first attempt to get in again, which comes after a tenth of a second.
  const refused = {
    kind: 'unavailable',
    message: 'The message bus is not reachable: the broker refuses the login of agent@h1',
  }
  const first = expect(ask()).rejects.toMatchObject(refused)
  await made.world.settle()
  await first
  expect(made.world.clock.monotonic() - began).toBeLessThanOrEqual(100)
  await expect(ask()).rejects.toMatchObject(refused)
  made.broker.setUser('agent@h1', { password: 'agent@h1', permissions: { '/': everything } })
  await made.world.advance(10_000)
  expect(await ask()).toEqual({ answer: 'yes' })
})
