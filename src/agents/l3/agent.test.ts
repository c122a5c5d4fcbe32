import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { afterEach, describe, expect, test } from 'vitest'
import { l3Agent, type RouterWiring } from '#contracts/network-agent.ts'
import { withDefaults } from '#kit/config/section.ts'
import { type PluginHandlers, testAgentHost } from '#test/agent/agent-host.ts'
import { l3AgentConfig, startL3Agent } from './index.ts'
import { sampleFloating, sampleInterface, sampleRouter } from './sample.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean()
})

/** The agent on a simulated host, between a network service that wants `state.routers` and what it is told. */
async function open(given: Parameters<typeof withDefaults<typeof l3AgentConfig>>[1] = {}) {
  const folder = await mkdtemp(`${tmpdir()}/nimbo-l3-`)
  cleanups.push(() => rm(folder, { recursive: true }))
  const told: string[] = []
  const state = { routers: [] as RouterWiring[], generation: 1 }
  const handlers: Partial<PluginHandlers> = {
    hostRouters: async () => structuredClone({ generation: state.generation, routers: state.routers }),
    async routerStatus({ routerId, generation, status }) {
      told.push(`${routerId} ${generation} ${status}`)
    },
    async floatingIpStatus({ statuses }) {
      for (const { floatingIpId, status } of statuses) told.push(`${floatingIpId} ${status}`)
    },
    async agentReport({ agentType, configurations }) {
      told.push(`alive ${agentType} routers=${configurations.routers}`)
      return { status: 'alive' }
    },
  }
  const { world, driver, fabric, bus, nudge, common } = await testAgentHost(handlers)
  const neutron = bus.caller(l3Agent, 'neutron-server')
  const start = async () => {
    const agent = await startL3Agent({
      ...common,
      folder,
      socketPath: `${folder}/neutron/metadata_proxy`,
      config: withDefaults(l3AgentConfig, given),
    })
    cleanups.push(() => agent.stop())
    await world.settle()
    return agent
  }
  const agent = await start()
  const want = async (...routers: RouterWiring[]) => {
    state.routers = routers
    state.generation++
    await neutron.routerChanged({ routerId: 'router-1' }, nudge())
    await world.settle()
  }
  const host = () => fabric.hosts.get('node1')!
  return {
    world,
    driver,
    agent,
    start,
    folder,
    want,
    told,
    taken: () => told.splice(0).filter((line) => !line.startsWith('alive')),
    /** By device. */
    addresses: () =>
      Object.fromEntries([...host().ports.values()].map((port) => [port.device, port.addresses])),
    ran: () =>
      [...host().namespaces.values()].flatMap(({ commands }) =>
        commands.splice(0).map((words) => words.join(' ')),
      ),
  }
}

test('a router gets its namespace, its devices, rules, and is told to be active', async () => {
  const { driver, want, taken, addresses, ran } = await open()
  await want(sampleRouter({ floatingIps: [sampleFloating(70)] }))
  expect(driver.inventory()).toContain('namespace qrouter-router-1')
  expect(addresses()).toEqual({
    'qg-9f1b7c2d-31': ['172.24.4.10/24', '172.24.4.70/32'],
    'qr-5c6d7e8f-90': ['10.0.0.126/26'],
  })
  expect(ran()).toEqual(expect.arrayContaining([expect.stringContaining('ip_forward'), 'nft -f -']))
  expect(taken()).toEqual(['router-1 1 ACTIVE', 'fip-70 ACTIVE'])
})

test('a floating IP comes and goes; the connections of the one that went are cut', async () => {
  const { want, taken, addresses, ran } = await open()
  await want(sampleRouter({ floatingIps: [sampleFloating(70)] }))
  taken()
  ran()
  await want(sampleRouter({ floatingIps: [sampleFloating(71)], generation: 2 }))
  expect(addresses()['qg-9f1b7c2d-31']).toEqual(['172.24.4.10/24', '172.24.4.71/32'])
  expect(taken()).toEqual(['router-1 2 ACTIVE', 'fip-71 ACTIVE', 'fip-70 DOWN'])
  const commands = ran()
  expect(commands).toContain('conntrack -D --orig-dst 172.24.4.70')
  expect(commands).toContain('conntrack -D --reply-dst 172.24.4.70')
  expect(commands.join('\n')).not.toContain('conntrack -D --orig-dst 172.24.4.71')
})

test('a floating IP that is led to another address is told of again: the cloud takes it for down until then', async () => {
  const { want, taken } = await open()
  await want(sampleRouter({ floatingIps: [sampleFloating(70)] }))
  taken()
  await want(sampleRouter({ floatingIps: [{ ...sampleFloating(70), fixedIp: '10.0.0.99' }], generation: 2 }))
  expect(taken()).toEqual(['router-1 2 ACTIVE', 'fip-70 ACTIVE'])
})

test('a floating IP without a gateway is down', async () => {
  const { want, taken } = await open()
  await want(sampleRouter({ gateway: null, floatingIps: [sampleFloating(70)] }))
  expect(taken()).toEqual(['router-1 1 ACTIVE', 'fip-70 DOWN'])
})

test('an interface that goes is unplugged, the rest stays', async () => {
  const { want, addresses } = await open()
  const second = { ...sampleInterface, portId: '6d6d6d6d-90aa-4d0e-8f7b-2b3c4d5e6f72' }
  await want(sampleRouter({ interfaces: [sampleInterface, second] }))
  expect(Object.keys(addresses())).toContain('qr-6d6d6d6d-90')
  await want(sampleRouter({ generation: 2 }))
  expect(Object.keys(addresses()).toSorted()).toEqual(['qg-9f1b7c2d-31', 'qr-5c6d7e8f-90'])
})

test('a look at a router that is as wanted does nothing', async () => {
  const { want, agent, world, ran, taken } = await open()
  await want(sampleRouter())
  ran()
  taken()
  agent.nudge()
  await world.settle()
  expect(ran()).toEqual([])
  expect(taken()).toEqual([])
})

test('a router that goes, or is switched off, leaves nothing', async () => {
  const { driver, want, taken } = await open({ enableMetadataProxy: true })
  await want(sampleRouter())
  await want(sampleRouter({ adminUp: false, generation: 2 }))
  expect(driver.inventory()).toEqual([])
  expect(taken()).toEqual(['router-1 1 ACTIVE', 'router-1 2 DOWN'])
  await want(sampleRouter({ generation: 3 }))
  await want()
  expect(driver.inventory()).toEqual([])
})

test('what fails is told as an error and tried again', async () => {
  const { driver, want, taken, world } = await open()
  driver.fail('plugIntoNamespace')
  await want(sampleRouter())
  expect(taken()).toEqual(['router-1 1 ERROR'])
  await world.advance(2000)
  expect(taken()).toEqual(['router-1 1 ACTIVE'])
})

describe.each(['before', 'after'] as const)('a host that fails %s its work', (when) => {
  test.each(['ensureNamespace', 'plugIntoNamespace', 'runIn', 'startIn', 'unplugPort'] as const)(
    'at %s ends as if it had not',
    async (operation) => {
      const { driver, want, world, taken } = await open({ enableMetadataProxy: true })
      const router = sampleRouter({ interfaces: [sampleInterface], floatingIps: [sampleFloating(70)] })
      await want(router)
      const wanted = driver.inventory().toSorted()
      await want()
      const second = { ...sampleInterface, portId: '6d6d6d6d-90aa-4d0e-8f7b-2b3c4d5e6f72' }
      if (operation === 'unplugPort') await want({ ...router, interfaces: [sampleInterface, second] })
      taken()
      driver.fail(operation, 1, when)
      await want({ ...router, generation: 2 })
      await world.advance(5000)
      expect(driver.inventory().toSorted()).toEqual(wanted)
      expect(taken()).toContain('router-1 2 ACTIVE')
    },
  )

  test('at removeNamespace leaves nothing in the end', async () => {
    const { driver, want, world } = await open({ enableMetadataProxy: true })
    await want(sampleRouter())
    driver.fail('removeNamespace', 1, when)
    await want()
    await world.advance(5000)
    expect(driver.inventory()).toEqual([])
  })
})

test('metadata by the router where that is switched on (rows 202, 204)', async () => {
  const { driver, want, folder, agent, start } = await open({ enableMetadataProxy: true })
  await want(sampleRouter())
  expect(driver.inventory()).toContain('process haproxy in qrouter-router-1')
  expect(await readFile(`${folder}/neutron/ns-metadata-proxy/router-1.conf`, 'utf8')).toContain(
    'add-header X-Neutron-Router-ID router-1',
  )
  const before = await driver.processes()
  await agent.stop()
  await start()
  expect(await driver.processes()).toEqual(before)
})

test('the agent reports itself, with what it serves', async () => {
  const { want, told, world } = await open()
  await want(sampleRouter())
  await world.advance(30_000)
  expect(told.filter((line) => line.startsWith('alive'))).toEqual([
    'alive L3 agent routers=0',
    'alive L3 agent routers=1',
  ])
})
