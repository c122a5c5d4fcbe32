import { expect, test } from 'vitest'
import { type HostWiring, l2Agent, type PortWiring } from '#contracts/network-agent.ts'
import { withDefaults } from '#kit/config/section.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type PluginHandlers, testAgentHost } from '#test/agent/agent-host.ts'
import { networkAgentConfig, startNetworkAgent } from './index.ts'

const port = (portId: string, change: Partial<PortWiring> = {}): PortWiring => ({
  portId,
  networkId: 'net-1',
  mac: 'fa:16:3e:00:00:01',
  fixedIps: [{ subnetId: 'sub-1', ipAddress: '10.0.0.5' }],
  mtu: 1450,
  networkType: 'vxlan',
  physicalNetwork: null,
  segmentationId: 7,
  adminUp: true,
  deviceOwner: 'compute:nova',
  deviceId: 'server-1',
  portSecurityEnabled: true,
  allowedAddressPairs: [],
  securityRules: [],
  tunnelPeers: [],
  generation: 1,
  ...change,
})

/** The agent on a simulated host, and the network service as it sees it: what it wants, and what it was told. */
async function cloud() {
  const told: string[] = []
  const state = {
    wiring: { generation: 1, ports: [], remoteGroups: {}, tunnelPeers: [] } as HostWiring,
    down: false,
    known: false,
  }
  const handlers: Partial<PluginHandlers> = {
    async wiringSince({ generation }) {
      if (state.down) throw new CloudError('unavailable', 'the network service is away')
      const { ports } = structuredClone(state.wiring)
      const news = generation === state.wiring.generation ? {} : { ports }
      return { generation: state.wiring.generation, ...news, networks: [], groups: [] }
    },
    async portUp({ portId, generation }) {
      told.push(`up ${portId} ${generation}`)
      return { accepted: true }
    },
    async portDown({ portId }) {
      told.push(`down ${portId}`)
      return { accepted: true }
    },
    async agentReport({ agentType, configurations }) {
      told.push(`alive ${agentType} ${configurations.tunneling_ip} devices=${configurations.devices}`)
      const status = state.known ? 'alive' : 'new'
      state.known = true
      return { status }
    },
  }
  const { world, driver, bus, nudge: toHost, common } = await testAgentHost(handlers)
  const neutron = bus.caller(l2Agent, 'neutron-server')
  const nudge = async () => {
    await neutron.wiringChanged({ generation: state.wiring.generation }, toHost())
    await world.settle()
  }
  const want = (...ports: PortWiring[]) => {
    state.wiring = { ...state.wiring, generation: state.wiring.generation + 1, ports }
  }
  const start = () =>
    startNetworkAgent({
      ...common,
      guestUid: 0,
      networks: {
        physicalNetworks: { physnet1: { bridge: 'br-ex' } },
        tunnel: { localIp: '10.9.0.1', types: ['vxlan'] },
      },
      config: withDefaults(networkAgentConfig),
    })
  const agent = await start()
  await world.settle()
  return {
    world,
    driver,
    agent,
    start,
    told,
    state,
    nudge,
    want,
    taken: () => told.splice(0).filter((line) => !line.startsWith('alive')),
  }
}

test('the agent reports itself at once and then every half minute', async () => {
  const { world, told } = await cloud()
  expect(told).toEqual(['alive Open vSwitch agent 10.9.0.1 devices=0'])
  await world.advance(60_000)
  expect(told.filter((line) => line.startsWith('alive'))).toHaveLength(3)
})

test("a guest's port gets its tap and is told to be up, once for each generation", async () => {
  const { driver, want, nudge, taken } = await cloud()
  want(port('p1'))
  await nudge()
  expect(taken()).toEqual(['up p1 1'])
  expect((await driver.list())[0]).toMatchObject({ device: 'tapp1', localVlan: 1 })
  await nudge()
  expect(taken()).toEqual([])
  want(port('p1', { generation: 2 }))
  await nudge()
  expect(taken()).toEqual(['up p1 2'])
})

test("another agent's port waits for its device, and a device that goes is told of", async () => {
  const { driver, want, nudge, taken, world } = await cloud()
  const dhcp = port('p1', { deviceOwner: 'network:dhcp' })
  want(dhcp)
  await nudge()
  expect(taken()).toEqual([])
  await driver.plugPort(dhcp, { ownerUid: 1 })
  await world.settle()
  expect(taken()).toEqual(['up p1 1'])
  await driver.unplugPort('p1')
  await world.settle()
  expect(taken()).toEqual(['down p1'])
})

test('a lost nudge only delays: the next turn comes by itself', async () => {
  const { driver, want, taken, world } = await cloud()
  await driver.plugPort(port('p1'), { ownerUid: 1 })
  await world.settle()
  want(port('p1'))
  await world.advance(30_000)
  await world.settle()
  expect(taken()).toEqual(['up p1 1'])
})

test('an older wiring that comes late changes nothing', async () => {
  const { driver, want, nudge, state, taken } = await cloud()
  want(port('p1'))
  const old = state.wiring
  await driver.plugPort(port('p1'), { ownerUid: 1 })
  await nudge()
  taken()
  want(port('p1', { generation: 5, adminUp: false }))
  await nudge()
  expect(taken()).toEqual(['up p1 5'])
  state.wiring = old
  await nudge()
  expect(taken()).toEqual([])
  expect(driver.reach({ fromPort: 'p1', toIp: '10.0.0.5', protocol: 'icmp' })).toBe('the sender is not wired')
})

test('a port that nobody wants is taken away, but not at first sight', async () => {
  const { driver, world, nudge, taken } = await cloud()
  await driver.plugPort(port('p1'), { ownerUid: 1 })
  await nudge()
  expect(driver.inventory()).toEqual(['port tapp1 tap'])
  await world.advance(4000)
  await world.settle()
  expect(driver.inventory()).toEqual([])
  expect(taken()).toEqual([])
})

test('while the network service is away nothing is lost, and all is told when it is back', async () => {
  const { driver, want, state, taken, world } = await cloud()
  state.down = true
  want(port('p1'))
  await driver.plugPort(port('p1'), { ownerUid: 1 })
  await world.advance(5000)
  expect(driver.inventory()).toEqual(['port tapp1 tap'])
  state.down = false
  await world.advance(1000)
  await world.settle()
  expect(taken()).toEqual(['up p1 1'])
})

test('a tap that could not be made holds up no other, and is tried again', async () => {
  const { driver, want, nudge, taken, world } = await cloud()
  want(port('p1'), port('p2', { mac: 'fa:16:3e:00:00:02' }))
  driver.fail('plugPort')
  await nudge()
  await world.advance(1000)
  await world.settle()
  expect(taken()).toEqual(['up p2 1', 'up p1 1'])
})

test('a failed apply is tried again', async () => {
  const { driver, want, nudge, taken, world } = await cloud()
  want(port('p1'))
  await driver.plugPort(port('p1'), { ownerUid: 1 })
  await world.settle()
  taken()
  want(port('p1', { generation: 2 }))
  driver.fail('applyWiring')
  await nudge()
  expect(taken()).toEqual([])
  await world.advance(1000)
  await world.settle()
  expect(taken()).toEqual(['up p1 2'])
})

test('an agent started again adopts what is there and tells of it again; a forgotten one as well', async () => {
  const { driver, agent, start, want, nudge, state, taken, world } = await cloud()
  want(port('p1'))
  await driver.plugPort(port('p1'), { ownerUid: 1 })
  await nudge()
  taken()
  await agent.stop()
  const before = driver.inventory()
  await start()
  await world.settle()
  expect(driver.inventory()).toEqual(before)
  expect(taken()).toEqual(['up p1 1'])
  state.known = false
  await world.advance(30_000)
  await world.settle()
  expect(taken()).toEqual(['up p1 1'])
})
