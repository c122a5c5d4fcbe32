// A host that was taken over: with its own credentials, a stock AMQP client tries what could harm another host.
import { type Channel, type ChannelModel, connect } from 'amqplib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { contracts } from '#contracts/all.ts'
import { compute, conductor } from '#contracts/compute.ts'
import type { Bus, Handlers } from '#kit/bus/bus.ts'
import { openBus } from '#kit/bus/client.ts'
import { connectToAny } from '#kit/bus/transport.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { type OpenJournal, openJournal } from '#kit/journal/store.ts'
import { silentLog } from '#kit/log/log.ts'
import { type BusLogin, speaker } from '#main/bus-access.ts'
import {
  type EngineUnderTest,
  embeddedEngine,
  namedRabbit,
  rabbitEngine,
  standaloneEngine,
  world,
} from './bus-engine.ts'

const rabbit = namedRabbit()
const engines = [
  ['the embedded broker', embeddedEngine] as const,
  ['our broker by its management API', standaloneEngine] as const,
  ...(rabbit ? [['RabbitMQ', () => rabbitEngine(rabbit)] as const] : []),
]

describe.each(engines)('on %s, a host that was taken over', (_, open) => {
  let engine: EngineUnderTest
  let journal: OpenJournal
  let controller: Bus
  const logins: Record<string, BusLogin> = {}
  const buses: Bus[] = []
  const built: string[] = []
  const told: unknown[] = []
  let victimQueues: string[]
  let attacker: ChannelModel

  const busOf = async (login: BusLogin, limited: boolean) => {
    const { transport, durableQueueType } = engine
    const bus = await openBus({
      world,
      log: silentLog,
      journal,
      connect: connectToAny(world, transport),
      ...login,
      vhost: transport.vhost,
      name: login.user,
      limited,
      durableQueueType,
      ...(limited ? {} : { contracts, speaksFor: speaker([login.user], []) }),
    })
    buses.push(bus)
    return bus
  }

  beforeAll(async () => {
    engine = await open()
    journal = openJournal({ world, log: silentLog, host: 'test', service: 'test', sink: memorySink() })
    controller = await busOf(engine.engine.login, false)
    await controller.serve(conductor, 'controller', 'nova-conductor', {
      serverGet: async () => ({ server: null }),
      hostServers: async () => ({ servers: [] }),
      powerChanged: async (params: unknown) => void told.push(params),
      metadataGet: async () => ({ facts: null }),
      consoleAuthorize: async () => ({ console: null }),
    } as unknown as Handlers<typeof conductor.methods>)
    for (const host of ['host1', 'host2']) {
      logins[host] = await engine.engine.access!.grantHost(host)
      const bus = await busOf(logins[host], true)
      for (const contract of contracts.filter((each) => each.servedBy === 'host'))
        await bus.serve(contract as typeof compute, host, 'agent', {
          build: async ({ serverId }: { serverId: string }) => void built.push(`${serverId} on ${host}`),
          consoleOutput: async () => ({ output: `of ${host}` }),
        } as never)
    }
    const admin = await connect(urlOf(engine.engine.login))
    const channel = await admin.createChannel()
    victimQueues = contracts.filter((each) => each.servedBy === 'host').map(({ topic }) => `${topic}.host2`)
    for (const queue of victimQueues) await channel.checkQueue(queue)
    await admin.close()
    attacker = await connect(urlOf(logins.host1!), { noDelay: true })
    attacker.on('error', () => {})
  })
  afterAll(async () => {
    // The last test's removal has ended it.
    await attacker?.close().catch(() => {})
    for (const bus of buses.reverse()) await bus.close()
    await engine?.engine.access?.revokeHost('host2')
    await journal?.close()
    await engine?.close()
  })

  const urlOf = ({ user, password }: BusLogin) => {
    const { addresses, vhost } = engine.transport
    const { host, port } = addresses[0]!
    const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`
    return `amqp://${login}@${host}:${port}/${encodeURIComponent(vhost)}`
  }
  /** What the broker says to it, on a channel of its own. */
  const answerTo = async (attempt: (channel: Channel) => Promise<unknown>): Promise<string> => {
    const channel = await attacker.createChannel()
    const refused = new Promise<string>((resolve) =>
      channel.on('error', (error: Error) => resolve(error.message)),
    )
    const done = (async () => {
      try {
        await attempt(channel)
        // A refused publish is told before whatever is asked after it.
        await channel.checkExchange('nova')
        await channel.close()
        return 'allowed'
      } catch {
        return refused
      }
    })()
    return Promise.race([done, refused])
  }
  const trace = () => journal.newTrace()
  const request = (method: string, params: object, user?: string) => ({
    body: Buffer.from(JSON.stringify(params)),
    options: {
      messageId: world.random.hexId(),
      contentType: 'application/json',
      headers: { method, version: '1.0' },
      ...(user && { userId: user }),
    },
  })
  const order = request('build', { serverId: 'forged', operationId: 'o', generation: 1 }, 'agent@host1')

  test('serves and asks for itself', async () => {
    const hosts = controller.caller(compute, 'nova-conductor')
    expect(
      await hosts.consoleOutput({ serverId: 's', lines: null }, { host: 'host1', trace: trace() }),
    ).toEqual({
      output: 'of host1',
    })
    const asks = buses[1]!.caller(conductor, 'nova-compute')
    expect(await asks.hostServers({ host: 'host1' }, { trace: trace() })).toEqual({ servers: [] })
    expect(await answerTo((channel) => channel.checkQueue('compute.host1'))).toBe('allowed')
  })

  test("can't read, eat, empty, delete or replace another host's queues", async () => {
    for (const queue of victimQueues)
      for (const [what, attempt] of Object.entries<(channel: Channel) => Promise<unknown>>({
        consume: (channel) => channel.consume(queue, () => {}),
        get: (channel) => channel.get(queue),
        purge: (channel) => channel.purgeQueue(queue),
        delete: (channel) => channel.deleteQueue(queue),
        declare: (channel) => channel.assertQueue(queue, { durable: true }),
        unbind: (channel) => channel.unbindQueue(queue, 'nova_host', queue),
        'bind elsewhere': (channel) => channel.bindQueue(queue, 'compute_fanout', ''),
      }))
        expect(await answerTo(attempt), `${what} ${queue}`).toMatch(/403|ACCESS[_-]REFUSED/)
  })

  test("can't read the services' queues, the notifications or what was put aside", async () => {
    for (const queue of ['conductor', 'conductor.controller', 'nova.dead', 'q-plugin', 'compute'])
      expect(await answerTo((channel) => channel.get(queue)), queue).toMatch(/403|ACCESS[_-]REFUSED/)
    expect(await answerTo((channel) => channel.bindQueue('compute.host1', 'openstack', '#'))).toMatch(/403/)
  })

  test("can't bind a queue of its own to what is for another host", async () => {
    for (const key of ['compute.host2', 'compute.*', '#', '*.host2'])
      for (const queue of ['compute.host1', `compute_fanout_host1_${'0'.repeat(32)}`])
        expect(
          await answerTo(async (channel) => {
            await channel.assertQueue(queue, { durable: queue === 'compute.host1', ...queueType(queue) })
            await channel.bindQueue(queue, 'nova_host', key)
          }),
          `${queue} by ${key}`,
        ).toMatch(/403|ACCESS[_-]REFUSED/)
    for (const key of ['#', 'reply_agent@host2_*'])
      expect(await answerTo((channel) => channel.bindQueue('compute.host1', 'reply_host', key))).toMatch(
        /403/,
      )
    expect(await answerTo((channel) => channel.bindQueue('compute.host1', 'nova', 'conductor'))).toMatch(
      /403/,
    )
  })
  const queueType = (queue: string) =>
    engine.durableQueueType === 'quorum' && queue === 'compute.host1'
      ? { arguments: { 'x-queue-type': 'quorum' } }
      : {}

  test("can't write to another host's queue: not by exchanges, copies, dead letters or the default exchange", async () => {
    const publish = (exchange: string, key: string, headers = {}) =>
      answerTo(async (channel) => {
        const options = { ...order.options, headers: { ...order.options.headers, ...headers } }
        channel.publish(exchange, key, order.body, options)
      })
    expect(await publish('nova_host', 'compute.host2')).toMatch(/403|ACCESS[_-]REFUSED/)
    expect(await publish('', 'compute.host2')).toMatch(/403|ACCESS[_-]REFUSED/)
    expect(await publish('compute_fanout', '')).toMatch(/403|ACCESS[_-]REFUSED/)
    expect(await publish('nova', 'compute.host2')).toMatch(/403|ACCESS[_-]REFUSED/)
    expect(await publish('reply_host', `reply_agent@host2_${'0'.repeat(32)}`)).toMatch(/403|ACCESS/)
    // By its routing key it may; the copies lead nowhere, where the broker doesn't refuse them.
    for (const header of ['CC', 'BCC'])
      for (const exchange of ['nova', 'reply'])
        await publish(
          exchange,
          exchange === 'nova' ? 'conductor' : `reply_${engine.engine.login.user}_${'0'.repeat(32)}`,
          {
            [header]: ['compute.host2', 'compute.#', `reply_agent@host2_${'0'.repeat(32)}`],
          },
        )
    for (const exchange of ['nova_host', '', 'reply_host'])
      expect(
        await answerTo((channel) =>
          channel.assertQueue(`l3_agent_fanout_host1_${'1'.repeat(32)}`, {
            deadLetterExchange: exchange,
            deadLetterRoutingKey: 'compute.host2',
          }),
        ),
        `dead letters to '${exchange}'`,
      ).toMatch(/403|ACCESS[_-]REFUSED/)
    await controller
      .caller(compute, 'nova-conductor')
      .build({ serverId: 'real', operationId: 'o', generation: 1 }, { host: 'host2', trace: trace() })
    await expect.poll(() => built).toEqual(['real on host2'])
  })

  test('can neither declare nor delete what hosts share', async () => {
    for (const attempt of [
      (channel: Channel) => channel.deleteExchange('nova_host'),
      (channel: Channel) => channel.deleteExchange('nova'),
      (channel: Channel) => channel.assertExchange('mine', 'topic'),
      (channel: Channel) => channel.assertQueue('mine'),
      (channel: Channel) => channel.assertQueue('compute'),
      (channel: Channel) => channel.deleteQueue('conductor'),
      (channel: Channel) => channel.bindExchange('nova_host', 'reply_host', '#'),
      (channel: Channel) => channel.bindExchange('reply', 'nova_host', '#'),
    ])
      expect(await answerTo(attempt), attempt.toString()).toMatch(/403|ACCESS[_-]REFUSED/)
  })

  test('speaks for no other host, whatever its messages say', async () => {
    expect(
      await answerTo(async (channel) => {
        const forged = request('powerChanged', {}, 'agent@host2')
        channel.publish('nova', 'conductor', forged.body, forged.options)
      }),
    ).toMatch(/406|PRECONDITION[_-]FAILED/)
    const change = { serverId: 's', power: 'crashed', at: 0, reason: 'forged' } as const
    const asks = buses[1]!.caller(conductor, 'nova-compute')
    await expect(asks.hostServers({ host: 'host2' }, { trace: trace() })).rejects.toMatchObject({
      kind: 'forbidden',
      type: 'ForeignHost',
    })
    await expect(asks.metadataGet({ serverId: 's' }, { trace: trace() })).rejects.toMatchObject({
      kind: 'forbidden',
    })
    await expect(asks.consoleAuthorize({ token: 't' }, { trace: trace() })).rejects.toMatchObject({
      kind: 'forbidden',
    })
    await asks.powerChanged({ host: 'host2', ...change }, { trace: trace() })
    const unnamed = request('powerChanged', { host: 'host1', ...change })
    expect(
      await answerTo(
        async (channel) => void channel.publish('nova', 'conductor', unnamed.body, unnamed.options),
      ),
    ).toBe('allowed')
    await asks.powerChanged({ host: 'host1', ...change }, { trace: trace() })
    await expect.poll(() => told).toEqual([{ host: 'host1', ...change }])
  })

  test("gets no answer of the controller's into another host's hands", async () => {
    const call = request('hostServers', { host: 'host1' }, 'agent@host1')
    const wanted = `reply_agent@host2_${'2'.repeat(32)}`
    const victim = await connect(urlOf(logins.host2!))
    const channel = await victim.createChannel()
    await channel.assertQueue(wanted, { exclusive: true })
    await channel.bindQueue(wanted, 'reply_host', wanted)
    const got: string[] = []
    await channel.consume(wanted, (message) => got.push(message!.content.toString()), { noAck: true })
    await answerTo(async (own) => {
      own.publish('nova', 'conductor', call.body, { ...call.options, replyTo: wanted, correlationId: 'c' })
    })
    // Behind it in the same queue: once this is answered, that one was dealt with.
    await buses[1]!.caller(conductor, 'nova-compute').hostServers({ host: 'host1' }, { trace: trace() })
    await channel.checkQueue(wanted)
    expect(got).toEqual([])
    await victim.close()
  })

  test('is out as soon as it is removed, with its queues', async () => {
    const ended = new Promise<void>((resolve) => attacker.once('close', () => resolve()))
    await engine.engine.access!.revokeHost('host1')
    await ended
    await expect(connect(urlOf(logins.host1!))).rejects.toThrow(/403|ACCESS[_-]REFUSED/)
    const admin = await connect(urlOf(engine.engine.login))
    const channel = await admin.createChannel()
    channel.on('error', () => {})
    await expect(channel.checkQueue('compute.host1')).rejects.toThrow(/404/)
    await admin.close()
  })
})
