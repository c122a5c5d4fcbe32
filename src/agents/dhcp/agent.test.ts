import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { afterEach, describe, expect, test } from 'vitest'
import { type DhcpNetwork, dhcpAgent } from '#contracts/network-agent.ts'
import { withDefaults } from '#kit/config/section.ts'
import { type PluginHandlers, testAgentHost } from '#test/agent/agent-host.ts'
import { dhcpAgentConfig, startDhcpAgent } from './index.ts'
import { sampleHost, sampleNetwork, samplePort } from './sample.ts'

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean()
})

/** The agent on a simulated host, between a network service that wants `state.networks` and what it is told. */
async function open(given: Parameters<typeof withDefaults<typeof dhcpAgentConfig>>[1] = {}) {
  const folder = await mkdtemp(`${tmpdir()}/nimbo-dhcp-`)
  cleanups.push(() => rm(folder, { recursive: true }))
  const told: string[] = []
  const state = { networks: [] as DhcpNetwork[], generation: 1, known: false }
  const handlers: Partial<PluginHandlers> = {
    hostDhcp: async () => structuredClone({ generation: state.generation, networks: state.networks }),
    async ensureDhcpPort({ networkId }) {
      told.push(`port for ${networkId}`)
      return { port: samplePort }
    },
    async releaseDhcpPort({ networkId }) {
      told.push(`released ${networkId}`)
      return { accepted: true }
    },
    async dhcpReady({ networkId, generation }) {
      told.push(`ready ${networkId} ${generation}`)
    },
    async agentReport({ agentType, configurations }) {
      told.push(`alive ${agentType} networks=${configurations.networks}`)
      const status = state.known ? 'alive' : 'new'
      state.known = true
      return { status }
    },
  }
  const { world, driver, fabric, bus, nudge, common } = await testAgentHost(handlers)
  const neutron = bus.caller(dhcpAgent, 'neutron-server')
  const start = () =>
    startDhcpAgent({
      ...common,
      folder,
      socketPath: `${folder}/neutron/metadata_proxy`,
      config: withDefaults(dhcpAgentConfig, given),
    })
  const agent = await start()
  cleanups.push(() => agent.stop())
  await world.settle()
  const want = async (...networks: DhcpNetwork[]) => {
    state.networks = networks
    state.generation++
    await neutron.networkChanged({ networkId: 'net-1' }, nudge())
    await world.settle()
  }
  const text = (path: string) => readFile(`${folder}/neutron/${path}`, 'utf8')
  const taken = () => told.splice(0).filter((line) => !line.startsWith('alive'))
  const processes = async () =>
    (await driver.processes()).map(({ namespace, command }) => `${namespace} ${command[0]}`).toSorted()
  const signals = () =>
    [...fabric.hosts.get('node1')!.namespaces.values()].flatMap(({ processes }) =>
      processes.flatMap((process) => process.signals.map((signal) => `${process.command} ${signal}`)),
    )
  const addresses = () => [...fabric.hosts.get('node1')!.ports.values()].flatMap((port) => port.addresses)
  return {
    world,
    driver,
    agent,
    start,
    state,
    told,
    want,
    text,
    taken,
    processes,
    signals,
    addresses,
    fabric,
    folder,
  }
}

test('a network gets its namespace, port, dnsmasq, haproxy, and then its guests may start', async () => {
  const { driver, want, taken, processes, addresses, text } = await open()
  await want(sampleNetwork({ port: null }))
  expect(taken()).toEqual(['port for net-1', 'ready net-1 1'])
  expect(driver.inventory()).toContain('port tap1332271e-0d namespace qdhcp-net-1')
  expect(addresses()).toEqual(['10.0.0.66/26', '169.254.169.254/16'])
  expect(await processes()).toEqual(['qdhcp-net-1 dnsmasq', 'qdhcp-net-1 haproxy'])
  expect(await text('dhcp/net-1/host')).toBe('fa:16:3e:00:01:46,host-10-0-0-70.openstacklocal,10.0.0.70\n')
  expect(await text('ns-metadata-proxy/net-1.conf')).toContain('add-header X-Neutron-Network-ID net-1')
})

test('another guest only makes dnsmasq read its files again', async () => {
  const { driver, want, taken, signals, text } = await open()
  await want(sampleNetwork())
  const before = await driver.processes()
  taken()
  await want(sampleNetwork({ hosts: [sampleHost(70), sampleHost(71)], generation: 2 }))
  expect(taken()).toEqual(['ready net-1 2'])
  expect(await driver.processes()).toEqual(before)
  expect(signals()).toEqual(['dnsmasq SIGHUP'])
  expect(await text('dhcp/net-1/host')).toContain('10.0.0.71\n')
})

test('another subnet or MTU starts dnsmasq anew, and leaves haproxy alone', async () => {
  const { driver, want } = await open()
  await want(sampleNetwork())
  const before = await driver.processes()
  await want(sampleNetwork({ mtu: 1400, generation: 2 }))
  const after = await driver.processes()
  const pid = (list: typeof before, program: string) =>
    list.find(({ command }) => command[0] === program)?.pid
  expect(pid(after, 'dnsmasq')).not.toBe(pid(before, 'dnsmasq'))
  expect(pid(after, 'haproxy')).toBe(pid(before, 'haproxy'))
})

test('an agent that starts again takes over what runs', async () => {
  const { driver, want, agent, start, world, signals, folder } = await open()
  await want(sampleNetwork())
  const before = await driver.processes()
  await agent.stop()
  await world.files.write(`${folder}/neutron/dhcp/net-1/host.1.2.new`, 'of an agent that was killed')
  const next = await start()
  cleanups.push(() => next.stop())
  await world.settle()
  expect(await driver.processes()).toEqual(before)
  expect(await world.files.list(`${folder}/neutron/dhcp/net-1`)).not.toContain('host.1.2.new')
  // The agent before may have ended between writing the files and telling of it.
  expect(signals()).toEqual(['dnsmasq SIGHUP'])
})

test('a program that dies is started again', async () => {
  const { driver, want, world, processes } = await open()
  await want(sampleNetwork())
  for (const process of await driver.processes()) await driver.signal(process, 'SIGKILL')
  expect(await processes()).toEqual([])
  await world.advance(3000)
  expect(await processes()).toEqual(['qdhcp-net-1 dnsmasq', 'qdhcp-net-1 haproxy'])
})

test('a network that goes leaves nothing', async () => {
  const { driver, want, taken, text } = await open()
  await want(sampleNetwork())
  taken()
  await want()
  expect(taken()).toEqual(['released net-1'])
  expect(driver.inventory()).toEqual([])
  await expect(text('dhcp/net-1/host')).rejects.toThrow('ENOENT')
  await expect(text('ns-metadata-proxy/net-1.conf')).rejects.toThrow('ENOENT')
})

test('without DHCP, or switched off, a network is not served (row 205)', async () => {
  const { driver, want, taken } = await open()
  const [subnet] = sampleNetwork().subnets
  await want(sampleNetwork({ port: null, subnets: [{ ...subnet!, enableDhcp: false }] }))
  await want(sampleNetwork({ port: null, adminUp: false }))
  expect(driver.inventory()).toEqual([])
  expect(taken()).toEqual([])
})

test('a network that came here with a port, and has no DHCP any more, gives the port back', async () => {
  const { want, taken, driver } = await open()
  await want(sampleNetwork({ port: samplePort, adminUp: false }))
  expect(taken()).toEqual(['released net-1'])
  expect(driver.inventory()).toEqual([])
})

test('with enable_isolated_metadata only networks without a router get a proxy (row 204)', async () => {
  const { want, processes, addresses } = await open({ forceMetadata: false, enableIsolatedMetadata: true })
  const [subnet] = sampleNetwork().subnets
  await want(sampleNetwork())
  expect(await processes()).toEqual(['qdhcp-net-1 dnsmasq'])
  expect(addresses()).toEqual(['10.0.0.66/26'])
  await want(sampleNetwork({ subnets: [{ ...subnet!, hasRouter: false }], generation: 2 }))
  expect(await processes()).toEqual(['qdhcp-net-1 dnsmasq', 'qdhcp-net-1 haproxy'])
})

test('one network that fails does not hold up another, and is tried again', async () => {
  const { driver, want, taken, world } = await open()
  driver.fail('plugIntoNamespace')
  const other = { ...samplePort, portId: '2b2b2b2b-0dc1-4a6b-8d5e-1c2b3a495867', networkId: 'net-2' }
  await want(sampleNetwork(), sampleNetwork({ networkId: 'net-2', port: other }))
  expect(taken()).toEqual(['ready net-2 1'])
  await world.advance(2000)
  expect(taken()).toEqual(['ready net-1 1'])
})

describe.each(['before', 'after'] as const)('a host that fails %s its work', (when) => {
  test.each(['ensureNamespace', 'plugIntoNamespace', 'runIn', 'startIn'] as const)(
    'at %s ends as if it had not',
    async (operation) => {
      const { driver, want, world, taken } = await open()
      await want(sampleNetwork())
      const wanted = driver.inventory().toSorted()
      await want()
      taken()
      driver.fail(operation, 1, when)
      await want(sampleNetwork({ generation: 2 }))
      await world.advance(5000)
      expect(driver.inventory().toSorted()).toEqual(wanted)
      expect(taken()).toEqual(['ready net-1 2'])
    },
  )

  test('at removeNamespace leaves nothing in the end', async () => {
    const { driver, want, world } = await open()
    await want(sampleNetwork())
    driver.fail('removeNamespace', 1, when)
    await want()
    await world.advance(5000)
    expect(driver.inventory()).toEqual([])
  })
})

test('an answer older than one seen before changes nothing', async () => {
  const { driver, want, state, agent, world } = await open()
  await want(sampleNetwork())
  state.generation = 0
  state.networks = []
  agent.nudge()
  await world.settle()
  expect(driver.inventory()).toContain('namespace qdhcp-net-1')
})

test('the agent reports itself, with what it serves', async () => {
  const { want, told, world } = await open()
  await want(sampleNetwork())
  await world.advance(30_000)
  expect(told.filter((line) => line.startsWith('alive'))).toEqual([
    'alive DHCP agent networks=0',
    'alive DHCP agent networks=1',
  ])
})
