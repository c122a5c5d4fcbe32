// Routers on this kernel: out by the shared address, in by a floating one, metadata by the router, neighbours told.
// Needs root; the outside is the host's own end of br-ex, all in namespaces of the test's own.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type L3AgentConfig, l3AgentConfig, startL3Agent } from '#agents/l3/index.ts'
import type { RouterWiring } from '#contracts/network-agent.ts'
import { withDefaults } from '#kit/config/section.ts'
import { sampleFacts } from '#kit/metadata-tree/sample.ts'
import { serveMetadata } from './guest-metadata.ts'
import { agentPort, guestNet, must, type Rig, subnetView, wiring, world } from './guest-net.ts'

/** Another one in each run: the router's namespace is named by it. */
const routerId = world.random.uuid()
const namespace = `qrouter-${routerId}`
const outer = subnetView({ subnetId: 'sub-public', cidr: '172.24.4.0/24', gatewayIp: '172.24.4.1' })
const inner = subnetView({ subnetId: 'sub-1', cidr: '10.0.0.0/24', gatewayIp: '10.0.0.1' })
const far = subnetView({ subnetId: 'sub-2', cidr: '10.0.1.0/24', gatewayIp: '10.0.1.1' })
const flat = { networkType: 'flat' as const, physicalNetwork: 'public', mtu: 1500 }
const gateway = agentPort(
  '9f1b7c2d-31aa-4d0e-8f7b-2b3c4d5e6f70',
  'net-public',
  'fa:16:3e:00:00:9f',
  outer,
  '172.24.4.10',
  'network:router_gateway',
  flat,
)
const near = agentPort(
  '5c6d7e8f-90aa-4d0e-8f7b-2b3c4d5e6f71',
  'net-1',
  'fa:16:3e:00:00:5c',
  inner,
  '10.0.0.1',
  'network:router_interface',
)
const second = agentPort(
  '6d7e8f90-91aa-4d0e-8f7b-2b3c4d5e6f72',
  'net-2',
  'fa:16:3e:00:00:6d',
  far,
  '10.0.1.1',
  'network:router_interface',
)
const guestPort = (digit: string, networkId: string, subnetId: string, ipAddress: string) =>
  wiring({
    portId: `${digit.repeat(4)}1111-9ea0-43d0-b699-ba19bf65cae3`,
    networkId,
    mac: `fa:16:3e:1b:5c:0${digit}`,
    fixedIps: [{ subnetId, ipAddress }],
  })
const first = guestPort('1', 'net-1', 'sub-1', '10.0.0.5')
const neighbour = guestPort('2', 'net-1', 'sub-1', '10.0.0.6')
const other = guestPort('3', 'net-2', 'sub-2', '10.0.1.5')
const floating = {
  floatingIpId: 'fip-1',
  floatingIp: '172.24.4.50',
  fixedIp: '10.0.0.5',
  portId: first.portId,
}
const router = (change: Partial<RouterWiring> = {}): RouterWiring => ({
  routerId,
  projectId: 'project-1',
  adminUp: true,
  enableSnat: true,
  gateway: gateway.port,
  interfaces: [near.port, second.port],
  floatingIps: [],
  routes: [],
  generation: 1,
  ...change,
})

/** Prints whom a connection came from. */
const whoScript = `
import socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('', 8080)); s.listen(4)
while True:
    c, peer = s.accept(); c.sendall(peer[0].encode()); c.close()
`
const askScript = `
import socket
print(socket.create_connection(('172.24.4.1', 8080), timeout=30).recv(100).decode())
`
/** Listens until a gratuitous ARP tells of the address, and prints that. The file says that it listens. */
const arpScript = `
import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
s.bind(('br-ex', 0)); s.settimeout(0.2)
open(sys.argv[2], 'w').close()
end = time.time() + 60
while time.time() < end:
    try: frame = s.recv(100)
    except OSError: continue
    if frame[28:32] == frame[38:42] == socket.inet_aton(sys.argv[1]): print(sys.argv[1]); break
`

let rig: Rig
let agent: Awaited<ReturnType<typeof startL3Agent>>
const guests = new Map<string, string>()
const stops: (() => Promise<unknown>)[] = []

const start = (given: Partial<L3AgentConfig> = {}) =>
  startL3Agent({
    ...rig.common,
    socketPath: `${rig.folder}/neutron/metadata_proxy`,
    config: withDefaults(l3AgentConfig, { reconcileInterval: 500, ...given }),
  })
const isActive = (generation: number) =>
  rig.told.some(
    ({ name, status, ...word }) =>
      name === 'routerStatus' && status === 'ACTIVE' && word.generation === generation,
  )
const want = async (change: Partial<RouterWiring>, generation: number) => {
  rig.wanted.routers = [router({ ...change, generation })]
  agent.nudge()
  await rig.until(`the router's generation ${generation}`, () => isActive(generation))
}
const whoCalls = async (guest: string) =>
  (await rig.driver.runIn(guest, 'python3', ['-c', askScript])).stdout.trim()

beforeAll(async () => {
  rig = await guestNet()
  rig.wanted.routers = [router()]
  agent = await start()
  await rig.until('the router is there', () => isActive(1))
  await rig.wire(gateway.wired, near.wired, second.wired)
  for (const port of [first, neighbour, other]) {
    const place = await rig.guest(port)
    const address = port.fixedIps[0]!.ipAddress
    await must('ip', '-n', place, 'addr', 'add', `${address}/24`, 'dev', `tap${port.portId.slice(0, 11)}`)
    await must('ip', '-n', place, 'route', 'add', 'default', 'via', address.replace(/\d+$/, '1'))
    guests.set(port.portId, place)
  }
  const server = await world.processes.start('ip', ['netns', 'exec', rig.host, 'python3', '-c', whoScript])
  stops.push(async () => server.kill())
})
afterAll(async () => {
  await agent?.stop()
  for (const stop of stops.toReversed()) await stop()
  await rig?.close()
})

test('guests of two networks reach each other, and the outside under the router’s address', async () => {
  expect(await rig.ping(guests.get(first.portId)!, '10.0.1.5')).toBe(true)
  expect(await rig.ping(guests.get(other.portId)!, '172.24.4.1')).toBe(true)
  expect(await whoCalls(guests.get(first.portId)!)).toBe('172.24.4.10')
})

test('a floating IP leads in and out, and its neighbours are told', async () => {
  expect(await rig.ping(rig.host, '172.24.4.50', 1)).toBe(false)
  const listens = `${rig.folder}/arp-listens`
  const words = ['netns', 'exec', rig.host, 'python3', '-c', arpScript, '172.24.4.50', listens]
  const heard = world.processes.run('ip', words)
  await rig.until('somebody listens', () => world.files.exists(listens))
  await want({ floatingIps: [floating] }, 2)
  expect(await rig.ping(rig.host, '172.24.4.50')).toBe(true)
  expect(await whoCalls(guests.get(first.portId)!)).toBe('172.24.4.50')
  expect(await whoCalls(guests.get(neighbour.portId)!)).toBe('172.24.4.10')
  expect(rig.told).toContainEqual(
    expect.objectContaining({
      name: 'floatingIpStatus',
      statuses: [{ floatingIpId: 'fip-1', status: 'ACTIVE' }],
    }),
  )
  expect((await heard).stdout).toContain('172.24.4.50')
})

test('a guest reaches a floating IP from inside, even on its own subnet', async () => {
  expect(await rig.ping(guests.get(neighbour.portId)!, '172.24.4.50')).toBe(true)
  expect(await rig.ping(guests.get(other.portId)!, '172.24.4.50')).toBe(true)
})

test('routers survive their agent, which takes them over', async () => {
  await agent.stop()
  expect(await rig.ping(rig.host, '172.24.4.50')).toBe(true)
  agent = await start()
  const before = rig.told.length
  await rig.until('the agent has looked', () => rig.told.length > before)
  expect(await rig.ping(rig.host, '172.24.4.50')).toBe(true)
})

test('a floating IP that went leads nowhere, for old connections, too', async () => {
  await want({ floatingIps: [] }, 3)
  const { stdout } = await rig.driver.runIn(namespace, 'conntrack', ['-L'])
  expect(stdout).not.toContain('172.24.4.50')
  expect(await rig.ping(rig.host, '172.24.4.50', 1)).toBe(false)
})

test("a user's route goes in and out; without SNAT nobody is answered outside", async () => {
  await want({ routes: [{ destination: '192.0.2.0/24', nexthop: '10.0.0.6' }], enableSnat: false }, 4)
  const routes = async () => (await rig.driver.runIn(namespace, 'ip', ['route'])).stdout
  expect(await routes()).toContain('192.0.2.0/24 via 10.0.0.6')
  expect(await rig.ping(guests.get(first.portId)!, '172.24.4.1', 1)).toBe(false)
  await want({}, 5)
  expect(await routes()).not.toContain('192.0.2.0/24')
  expect(await routes()).toContain('default via 172.24.4.1')
  expect(await rig.ping(guests.get(first.portId)!, '172.24.4.1')).toBe(true)
})

test('a guest finds its router and its address by advertisements, and loses no word to a second DHCP server', async () => {
  const inner6 = subnetView({
    subnetId: 'sub-6',
    cidr: 'fd00:6::/64',
    ipVersion: 6,
    gatewayIp: 'fd00:6::1',
    ipv6RaMode: 'slaac',
    ipv6AddressMode: 'slaac',
  })
  const both = {
    ...near.port,
    fixedIps: [...near.port.fixedIps, { subnetId: 'sub-6', ipAddress: 'fd00:6::1', prefix: 64 }],
    subnets: [inner, inner6],
  }
  await want({ interfaces: [both, second.port] }, 6)
  const guest = guests.get(first.portId)!
  const device = `tap${first.portId.slice(0, 11)}`
  const shown = (what: string) => must('ip', '-n', guest, '-6', what, 'show', 'dev', device)
  // EUI-64 of fa:16:3e:1b:5c:01.
  await rig.until('the guest has its address', async () =>
    (await shown('address')).includes('fd00:6::f816:3eff:fe1b:5c01/64'),
  )
  expect(await shown('route')).toMatch(/default via fe80::f816:3eff:fe00:5c proto ra/)
  const rules = await rig.driver.runIn(namespace, 'nft', ['list', 'table', 'ip6', 'nimbo'])
  expect(rules.stdout).toContain('udp dport 547 drop')
  await want({}, 7)
  await rig.until('nobody advertises', async () => (await rig.driver.processes()).length === 0)
})

test('metadata by the router (row 202)', async () => {
  const metadata = await serveMetadata(rig, sampleFacts, {
    via: routerId,
    ip: '10.0.0.5',
    portId: first.portId,
  })
  stops.push(() => metadata.stop())
  await agent.stop()
  agent = await start({ enableMetadataProxy: true })
  await rig.until('the proxy runs', async () => (await rig.driver.processes()).length > 0)
  await rig.until(
    'metadata answers',
    async () =>
      (await rig.curl(guests.get(first.portId)!, 'http://169.254.169.254/2009-04-04/instance-id')) ===
      'i-00000003',
  )
  expect(
    await rig.curl(guests.get(neighbour.portId)!, 'http://169.254.169.254/2009-04-04/instance-id'),
  ).toContain('could not be found')
})

test('a router that goes leaves nothing', async () => {
  rig.wanted.routers = []
  agent.nudge()
  await rig.until('the namespace has gone', async () => !(await rig.driver.namespaces()).includes(namespace))
  expect(await rig.driver.processes()).toEqual([])
  expect(await world.files.list(`${rig.folder}/neutron/ns-metadata-proxy`)).toEqual([])
})
