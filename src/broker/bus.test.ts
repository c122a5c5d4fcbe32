// The bus client over this broker, in one process on virtual time: what callers, servers and the journal see.
import { Type } from 'typebox'
import { afterEach, expect, test } from 'vitest'
import type { Bus, Handlers } from '#kit/bus/bus.ts'
import { openBus } from '#kit/bus/client.ts'
import { call, cast, contract } from '#kit/bus/contract.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { quiet } from '#kit/journal/journal.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import { silentLog } from '#kit/log/log.ts'
import type { Connection } from '#kit/world/world.ts'
import { consumer, type TestBroker, testBroker } from './test-broker.ts'

const Id = Type.String({ minLength: 1 })
const compute = contract('nova', 'compute', '1.2', {
  build: cast(Type.Object({ serverId: Id })),
  power: call(Type.Object({ serverId: Id }), Type.Object({ state: Type.String() })),
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

/** A bus client of the test broker; `cut` drops its connection as a broken network would. */
async function bus(parts: TestBroker, host = 'node1', account = { user: 'nimbo', password: 'secret' }) {
  const sink = memorySink()
  const journal = openJournal({ world: parts.world, log: silentLog, host, service: 'test', sink })
  let stream: Connection | undefined
  let reachable = true
  const connect = async () => {
    if (!reachable) throw new CloudError('unavailable', 'no route')
    stream = parts.stream()
    return stream
  }
  const client: Bus = await openBus({
    world: parts.world,
    log: silentLog,
    journal,
    connect,
    ...account,
    name: host,
  })
  opened.push(client)
  const cut = () => stream!.destroy()
  return {
    client,
    journal,
    sink,
    cut,
    unplug() {
      reachable = false
      cut()
    },
    plug() {
      reachable = true
    },
    trace: journal.newTrace(),
  }
}

async function testParts(...given: Parameters<typeof testBroker>) {
  const parts = await testBroker(...given)
  opened.push({ close: () => parts.broker.close() })
  return parts
}

test('a call goes to one server of the topic and brings its answer', async () => {
  const parts = await testParts()
  const { client, trace } = await bus(parts)
  const seen: string[] = []
  const power =
    (host: string) =>
    async ({ serverId }: { serverId: string }) => {
      seen.push(host)
      return { state: `${serverId} on` }
    }
  for (const host of ['h1', 'h2'])
    await client.serve(compute, host, 'nova-compute', { ...idle, power: power(host) })
  const caller = client.caller(compute, 'nova-api')
  expect(await caller.power({ serverId: 's' }, { trace })).toEqual({ state: 's on' })
  expect(await caller.power({ serverId: 's' }, { trace })).toEqual({ state: 's on' })
  expect(seen.sort()).toEqual(['h1', 'h2'])
  await caller.power({ serverId: 's' }, { trace, host: 'h2' })
  await caller.power({ serverId: 's' }, { trace, host: 'h2' })
  expect(seen.filter((host) => host === 'h2')).toHaveLength(3)
})

test('a cast waits in its queue for a server that is away', async () => {
  const parts = await testParts()
  const { client, trace } = await bus(parts)
  const built: string[] = []
  const handlers = { ...idle, build: async ({ serverId }: { serverId: string }) => void built.push(serverId) }
  const first = await client.serve(compute, 'h1', 'nova-compute', handlers)
  await first.stop()
  const caller = client.caller(compute, 'nova-api')
  await caller.build({ serverId: 'a' }, { trace, host: 'h1' })
  expect(built).toEqual([])
  await client.serve(compute, 'h1', 'nova-compute', handlers)
  await parts.world.settle()
  expect(built).toEqual(['a'])
})

test('a fan-out reaches every server, once each', async () => {
  const parts = await testParts()
  const { client, trace } = await bus(parts)
  const built: string[] = []
  for (const host of ['h1', 'h2', 'h3'])
    await client.serve(compute, host, 'nova-compute', { ...idle, build: async () => void built.push(host) })
  await client.caller(compute, 'nova-api').build({ serverId: 'a' }, { trace, fanout: true })
  await parts.world.settle()
  expect(built.sort()).toEqual(['h1', 'h2', 'h3'])
})

test('nobody listens: the sender learns it at once', async () => {
  const parts = await testParts()
  const { client, trace } = await bus(parts)
  const caller = client.caller(compute, 'nova-api')
  const refused = { kind: 'unavailable', message: 'Nothing listens on compute.h9' }
  await expect(caller.power({ serverId: 's' }, { trace, host: 'h9' })).rejects.toMatchObject(refused)
  await expect(caller.build({ serverId: 's' }, { trace, host: 'h9' })).rejects.toMatchObject(refused)
})

test('an error of the far side arrives with its kind, message and type; a bug does not show its text', async () => {
  const parts = await testParts()
  const { client, trace } = await bus(parts)
  let thrown: Error = new CloudError('conflict', 'The server is busy', { type: 'InstanceBusy' })
  const power = async () => {
    throw thrown
  }
  await client.serve(compute, 'h1', 'nova-compute', { ...idle, power })
  const caller = client.caller(compute, 'nova-api')
  const conflict = { kind: 'conflict', message: 'The server is busy', type: 'InstanceBusy' }
  await expect(caller.power({ serverId: 's' }, { trace })).rejects.toMatchObject(conflict)
  thrown = new TypeError('x is undefined')
  const bug = {
    kind: 'internal',
    message: 'An unexpected error occurred in compute.power',
    detail: 'x is undefined',
  }
  await expect(caller.power({ serverId: 's' }, { trace })).rejects.toMatchObject(bug)
})

test('wrong parameters, unknown methods and another major version are refused with the reason', async () => {
  const parts = await testParts()
  const { client, trace } = await bus(parts)
  await client.serve(compute, 'h1', 'nova-compute', idle)
  const newer = contract('nova', 'compute', '1.9', {
    ...compute.methods,
    pause: call(Type.Object({}), Type.Null()),
  })
  const other = contract('nova', 'compute', '2.0', compute.methods)
  await expect(client.caller(compute, 'a').power({ serverId: '' }, { trace })).rejects.toMatchObject({
    kind: 'badRequest',
    type: 'InvalidParameters',
  })
  await expect(client.caller(newer, 'a').pause({}, { trace })).rejects.toMatchObject({
    type: 'UnknownMethod',
  })
  expect(await client.caller(newer, 'a').power({ serverId: 's' }, { trace })).toEqual({ state: 'on' })
  await expect(client.caller(other, 'a').power({ serverId: 's' }, { trace })).rejects.toMatchObject({
    type: 'UnsupportedVersion',
    message: 'compute speaks version 1.2, power was asked for in version 2.0',
  })
})

test('a call that is not answered times out, and its server knows the deadline', async () => {
  const parts = await testParts()
  const { client, trace } = await bus(parts)
  let deadline: number | undefined
  const power: Handlers<typeof compute.methods>['power'] = async (_, incoming) => {
    deadline = incoming.deadline
    await parts.world.timers.sleep(8000)
    return { state: 'late' }
  }
  await client.serve(compute, 'h1', 'nova-compute', { ...idle, power })
  const now = parts.world.clock.now()
  const call = client.caller(compute, 'a').power({ serverId: 's' }, { trace, timeoutMs: 5000 })
  const answer = expect(call).rejects.toMatchObject({
    kind: 'timeout',
    message: 'compute.power was not answered within 5 s',
  })
  await parts.world.settle()
  await answer
  expect(deadline).toBe(now + 5000)
})

test('a cast whose handler fails is tried five times, then put aside where an operator finds it', async () => {
  const parts = await testParts()
  const { client, trace } = await bus(parts)
  let tries = 0
  const build = async () => {
    tries++
    throw new Error('no disk')
  }
  await client.serve(compute, 'h1', 'nova-compute', { ...idle, build })
  await client.caller(compute, 'a').build({ serverId: 'lost' }, { trace, subject: 'server:lost' })
  await parts.world.settle()
  expect(tries).toBe(5)
  const dead = await consumer(await parts.channel(), 'nova.dead', { noAck: true })
  const [message] = await dead.count(1)
  expect(message!.body.toString()).toBe('{"serverId":"lost"}')
  expect(message!.properties.headers).toMatchObject({
    method: 'build',
    subject: 'server:lost',
    'x-topic': 'compute',
    'x-error': 'no disk',
  })
})

test('a cast whose handler lacks what it needs is tried until that is there', async () => {
  const parts = await testParts()
  const { client, trace } = await bus(parts)
  const began = parts.world.clock.now()
  const done: number[] = []
  const build = async () => {
    const afterMs = parts.world.clock.now() - began
    if (afterMs < 300_000) throw new CloudError('unavailable', 'The disk is full.')
    done.push(afterMs)
  }
  await client.serve(compute, 'h1', 'nova-compute', { ...idle, build })
  await client.caller(compute, 'a').build({ serverId: 'late' }, { trace, subject: 'server:late' })
  await parts.world.advance(340_000)
  expect(done).toHaveLength(1)
})

test('casts that wait for what they lack keep nobody else out, and are put aside after twenty minutes', async () => {
  const parts = await testParts()
  const { client, trace, journal, sink } = await bus(parts)
  let tries = 0
  const build = async () => {
    tries++
    throw new CloudError('unavailable', 'The disk is full.')
  }
  await client.serve(compute, 'h1', 'nova-compute', { ...idle, build })
  const caller = client.caller(compute, 'nova-api')
  const lacking = 200
  for (let each = 0; each < lacking; each++)
    await caller.build({ serverId: `s${each}` }, { trace, host: 'h1', subject: `server:s${each}` })
  await parts.world.advance(1_000)
  expect(await caller.power({ serverId: 's' }, { trace, host: 'h1' })).toEqual({ state: 'on' })
  const dead = await consumer(await parts.channel(), 'nova.dead', { noAck: true })
  await parts.world.advance(1_150_000)
  expect(dead.got).toHaveLength(0)
  expect(tries).toBeGreaterThan(30 * lacking)
  await parts.world.advance(100_000)
  expect(dead.got).toHaveLength(lacking)
  await journal.flush()
  expect(sink.events).toContainEqual(
    expect.objectContaining({
      name: 'compute.build',
      subject: 'server:s7',
      outcome: 'error',
      error: 'It was put aside in nova.dead: The disk is full.',
    }),
  )
})

test('no more than sixty-four handlers of a queue run at once; calls that come too late to run have no answer', async () => {
  const parts = await testParts()
  const { client, trace } = await bus(parts)
  let now = 0
  let most = 0
  const build = async () => {
    most = Math.max(most, ++now)
    await parts.world.timers.sleep(10_000)
    now--
  }
  const asked: string[] = []
  const power = async ({ serverId }: { serverId: string }) => {
    asked.push(serverId)
    return { state: 'on' }
  }
  await client.serve(compute, 'h1', 'nova-compute', { build, power })
  const caller = client.caller(compute, 'nova-api')
  for (let each = 0; each < 100; each++) await caller.build({ serverId: `s${each}` }, { trace, host: 'h1' })
  const late = expect(
    caller.power({ serverId: 'late' }, { trace, host: 'h1', timeoutMs: 5_000 }),
  ).rejects.toMatchObject({ kind: 'timeout' })
  await parts.world.advance(30_000)
  await late
  expect([most, now, asked]).toEqual([64, 0, []])
})

test('a lost connection fails calls in flight, and casts and servers go on over the next one', async () => {
  const parts = await testParts()
  const [api, agent] = [await bus(parts, 'api'), await bus(parts, 'agent')]
  const built: string[] = []
  const power = async () => {
    await parts.world.timers.sleep(1000)
    return { state: 'late' }
  }
  await agent.client.serve(compute, 'h1', 'nova-compute', {
    ...idle,
    build: async ({ serverId }) => void built.push(serverId),
    power,
  })
  const caller = api.client.caller(compute, 'nova-api')
  const { trace } = api
  const inFlight = expect(caller.power({ serverId: 's' }, { trace })).rejects.toMatchObject({
    kind: 'unavailable',
  })
  await parts.world.advance(100)
  api.unplug()
  await inFlight
  const waiting = caller.build({ serverId: 'a' }, { trace })
  await parts.world.advance(2000)
  expect(built).toEqual([])
  expect(api.client.connected).toBe(false)
  api.plug()
  await parts.world.settle()
  await waiting
  expect(built).toEqual(['a'])
  agent.cut()
  await parts.world.settle()
  await caller.build({ serverId: 'b' }, { trace })
  await parts.world.advance(10_000)
  expect(built).toEqual(['a', 'b'])
})

test('a cast in hand when its server dies comes to another one, marked as redelivered', async () => {
  const parts = await testParts()
  const [api, one, two] = [await bus(parts, 'api'), await bus(parts, 'one'), await bus(parts, 'two')]
  await one.client.serve(compute, 'h1', 'nova-compute', {
    ...idle,
    build: () => parts.world.timers.sleep(60_000) as Promise<undefined>,
  })
  await api.client.caller(compute, 'nova-api').build({ serverId: 'a' }, { trace: api.trace })
  await parts.world.advance(100)
  const seen: unknown[] = []
  await two.client.serve(compute, 'h2', 'nova-compute', {
    ...idle,
    build: async ({ serverId }, { redelivered }) => void seen.push([serverId, redelivered]),
  })
  one.unplug()
  await parts.world.advance(100)
  expect(seen).toEqual([['a', true]])
})

test('the journal tells a call and a cast from both ends, in one trace', async () => {
  const parts = await testParts()
  const { client, journal, sink, trace } = await bus(parts)
  const inner: unknown[] = []
  await client.serve(compute, 'h1', 'nova-compute', {
    ...idle,
    power: async (_, incoming) => {
      inner.push(incoming.trace.spanId)
      return { state: 'on' }
    },
  })
  const caller = client.caller(compute, 'nova-api')
  await caller.power({ serverId: 's' }, { trace, host: 'h1', subject: 'server:s' })
  await caller.build({ serverId: 's' }, { trace, subject: 'server:s' })
  await parts.world.settle()
  await journal.flush()
  const events = sink.events.filter((event) => event.traceId === trace.traceId)
  const of = (kind: string) => events.find((event) => event.kind === kind)!
  expect(events.map((event) => [event.kind, event.name, event.service, event.subject]).sort()).toEqual([
    ['rpc.call', 'compute.power', 'nova-api', 'server:s'],
    ['rpc.cast', 'compute.build', 'nova-api', 'server:s'],
    ['rpc.consume', 'compute.build', 'nova-compute', 'server:s'],
    ['rpc.consume', 'compute.power', 'nova-compute', 'server:s'],
    ['rpc.reply', 'compute.power', 'nova-compute', 'server:s'],
    ['rpc.result', 'compute.power', 'nova-api', 'server:s'],
  ])
  const consumed = events.find((event) => event.kind === 'rpc.consume' && event.name === 'compute.power')!
  expect(of('rpc.call').parentId).toBe(trace.spanId)
  expect(consumed.parentId).toBe(of('rpc.call').spanId)
  expect(inner).toEqual([consumed.spanId])
  expect(of('rpc.call').data).toMatchObject({ exchange: 'nova', routingKey: 'compute.h1' })
  expect(consumed.data).toMatchObject({
    exchange: 'nova',
    queue: 'compute.h1',
    messageId: of('rpc.call').data!.messageId,
  })
})

test('heart-beats that do well leave the journal empty; failures and all else are told', async () => {
  const parts = await testParts()
  const { client, journal, sink, trace } = await bus(parts)
  const monitor = contract('nova', 'monitor', '1.0', {
    beat: call(Type.Object({ ok: Type.Boolean() }), Type.Object({}), { routine: true }),
    order: call(Type.Object({}), Type.Object({})),
  })
  await client.serve(monitor, 'h1', 'nova-conductor', {
    beat: async ({ ok }) => {
      if (!ok) throw new CloudError('conflict', 'No beat')
      return {}
    },
    order: async () => ({}),
  })
  const caller = client.caller(monitor, 'nova-compute')
  let seen = 0
  const told = async () => {
    await parts.world.settle()
    await journal.flush()
    const events = sink.events.slice(seen)
    seen += events.length
    return events.map(({ kind, name, outcome }) => `${kind} ${name} ${outcome}`)
  }
  await told()
  await caller.beat({ ok: true }, { trace: quiet(trace) })
  expect(await told()).toEqual([])
  await caller.beat({ ok: false }, { trace: quiet(trace) }).catch(() => {})
  expect((await told()).toSorted()).toEqual([
    'rpc.consume monitor.beat error',
    'rpc.reply monitor.beat error',
    'rpc.result monitor.beat error',
  ])
  // Somebody who wants his orders kept out of the journal is not obeyed in that.
  await caller.order({}, { trace: quiet(trace) })
  await caller.beat({ ok: true }, { trace })
  expect(await told()).toHaveLength(8)
})

test("a notification waits in oslo.messaging's envelope", async () => {
  const parts = await testParts()
  const { client, trace } = await bus(parts)
  await client.notify(trace, {
    eventType: 'compute.instance.create.end',
    publisherId: 'compute.h1',
    priority: 'info',
    payload: { instance_id: 'i' },
  })
  const [message] = await (
    await consumer(await parts.channel(), 'notifications.info', { noAck: true })
  ).count(1)
  expect(message).toMatchObject({ exchange: 'openstack', routingKey: 'notifications.info' })
  const envelope = JSON.parse(message!.body.toString())
  expect(envelope['oslo.version']).toBe('2.0')
  expect(JSON.parse(envelope['oslo.message'])).toMatchObject({
    event_type: 'compute.instance.create.end',
    publisher_id: 'compute.h1',
    priority: 'INFO',
    payload: { instance_id: 'i' },
    timestamp: '2026-01-01 00:00:00.000000',
  })
})

test('a user without the right is told which one', async () => {
  const parts = await testParts()
  const permissions = { '/': { configure: '^reply', write: '.*', read: '.*' } }
  parts.broker.setUser('agent', { password: 'a', permissions })
  const { client } = await bus(parts, 'agent', { user: 'agent', password: 'a' })
  await expect(client.serve(compute, 'h1', 'nova-compute', idle)).rejects.toMatchObject({
    kind: 'forbidden',
    message:
      "The message broker refused: ACCESS_REFUSED - configure access to exchange 'nova' in vhost '/' refused for user 'agent'",
  })
})

test('a bus that is closed leaves no timer, which its process would wait for before it ends', async () => {
  const parts = await testParts()
  const { after } = parts.world.timers
  const pending = new Set<number>()
  let last = 0
  // As a process that uses the bus has them: the broker's are not among them.
  const timers = {
    ...parts.world.timers,
    after(...[ms, fire, options]: Parameters<typeof after>) {
      const own = ++last
      pending.add(own)
      const over = (what: () => void) => () => {
        pending.delete(own)
        what()
      }
      return over(after(ms, over(fire), options))
    },
  }
  const { client, trace } = await bus({ ...parts, world: { ...parts.world, timers } })
  await client.serve(compute, 'h1', 'nova-compute', idle)
  await client.caller(compute, 'nova-api').power({ serverId: 's' }, { trace })
  expect(pending.size).toBeGreaterThan(0)
  await client.close()
  // In which the journal writes what it was told.
  await parts.world.advance(100)
  expect(pending.size).toBe(0)
})
