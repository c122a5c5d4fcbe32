// What a cloud leaves in a broker of the operator's when it is destroyed: nothing of its own, and all that isn't.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { contracts } from '#contracts/all.ts'
import { compute, conductor } from '#contracts/compute.ts'
import type { Bus } from '#kit/bus/bus.ts'
import { openBus } from '#kit/bus/client.ts'
import { connectToAny } from '#kit/bus/transport.ts'
import { type HttpClient, httpClient } from '#kit/http/client.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import { silentLog } from '#kit/log/log.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import type { BusLogin } from '#main/bus-access.ts'
import { clearBus } from '#main/bus-clearance.ts'
import { apiPath, askManagement, type ManagementAccess } from '#main/management-access.ts'
import { type EngineUnderTest, namedRabbit, rabbitEngine, standaloneEngine, world } from './bus-engine.ts'

const rabbit = namedRabbit()
const engines = [
  ['our broker by its management API', standaloneEngine] as const,
  ...(rabbit ? [['RabbitMQ', () => rabbitEngine(rabbit)] as const] : []),
]

describe.each(engines)('on %s, a cloud that is destroyed', (_, open) => {
  let engine: EngineUnderTest
  let management: ManagementAccess
  let http: HttpClient
  let vhost: string
  const buses: Bus[] = []
  const hostName = `node-${world.random.hexId().slice(0, 8)}`

  beforeAll(async () => {
    engine = await open()
    http = httpClient()
    management = { http, ...engine.external!.management! }
    vhost = engine.transport.vhost
  }, 60_000)
  afterAll(async () => {
    for (const bus of buses) await bus.close()
    http?.close()
    await engine?.close()
  }, 60_000)

  const names = async (kind: string) =>
    ((await askManagement(management, 'GET', apiPath(kind, vhost))) as { name: string }[])
      .map(({ name }) => name)
      .filter((name) => name !== '' && !name.startsWith('amq.'))
      .sort()
  const users = async () =>
    ((await askManagement(management, 'GET', apiPath('users'))) as { name: string }[]).map(({ name }) => name)
  const busOf = async (login: BusLogin, limited: boolean) => {
    const sink = memorySink()
    const bus = await openBus({
      world,
      log: silentLog,
      journal: openJournal({ world, log: silentLog, host: 'test', service: 'test', sink }),
      connect: connectToAny(world, engine.transport),
      ...login,
      vhost,
      name: login.user,
      limited,
      durableQueueType: engine.durableQueueType,
      ...(limited ? {} : { contracts }),
    })
    buses.push(bus)
    return bus
  }
  // Who serves here is never asked: only the queues matter.
  const idle = (methods: object) =>
    Object.fromEntries(Object.keys(methods).map((name) => [name, async () => undefined])) as never

  test('takes its users, queues and exchanges, and leaves what is not its own', async () => {
    const own = engine.transport
    const controller = await busOf({ user: own.user, password: own.password }, false)
    await controller.serve(conductor, 'controller', 'nova-conductor', idle(conductor.methods))
    const login = await engine.engine.access!.grantHost(hostName)
    const agent = await busOf(login, true)
    await agent.serve(compute, hostName, 'nova-compute', idle(compute.methods))
    await askManagement(management, 'PUT', apiPath('queues', vhost, 'mine'), { durable: true })
    await askManagement(management, 'PUT', apiPath('exchanges', vhost, 'mine'), {
      type: 'fanout',
      durable: true,
    })
    expect(await names('queues')).toEqual(
      expect.arrayContaining(['conductor', `compute.${hostName}`, 'mine']),
    )
    expect(await users()).toContain(login.user)

    // The controller goes; the host doesn't know yet.
    await controller.close()
    const cleared = await clearBus(world, management, vhost)
    expect(cleared.users).toEqual([login.user])
    expect(cleared.queues).toContain('conductor')
    expect(await names('queues')).toEqual(['mine'])
    expect(await names('exchanges')).toEqual(['mine'])
    expect(await users()).not.toContain(login.user)
    expect(await users()).toContain(own.user)
    expect(await clearBus(world, management, vhost)).toEqual({ users: [], queues: [], exchanges: [] })
  }, 60_000)

  test('leaves the queues, and its hosts, to a controller that still listens', async () => {
    const { user, password } = engine.transport
    const controller = await busOf({ user, password }, false)
    await controller.serve(conductor, 'controller', 'nova-conductor', idle(conductor.methods))
    const host = await engine.engine.access!.grantHost(hostName)
    // Whatever time it gives the controller to go.
    const patience = virtualWorld()
    const refused = expect(clearBus(patience, management, vhost))
      .rejects.toMatchObject({ kind: 'conflict' })
      .then(() => true)
    while (!(await Promise.race([refused, patience.advance(100)])));
    expect(await names('queues')).toContain('conductor')
    expect(await users()).toContain(host.user)
    await controller.close()
    const cleared = await clearBus(world, management, vhost)
    expect(cleared.users).toEqual([host.user])
    expect(cleared.queues).toContain('conductor')
  }, 60_000)
})
