// A guest's first minute on this kernel: DHCP from dnsmasq in the network's namespace, then metadata by haproxy, the unix
// socket and the metadata agent to the metadata service. Needs root; all of it is in namespaces of its own.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dhcpAgentConfig, startDhcpAgent } from '#agents/dhcp/index.ts'
import type { DhcpHost, DhcpNetwork } from '#contracts/network-agent.ts'
import { withDefaults } from '#kit/config/section.ts'
import { sampleFacts } from '#kit/metadata-tree/sample.ts'
import { serveMetadata } from './guest-metadata.ts'
import { agentPort, guestNet, type Rig, subnetView, wiring, world } from './guest-net.ts'

/** Another one in each run: the network's namespace is named by it. */
const networkId = world.random.uuid()
const namespace = `qdhcp-${networkId}`
const subnet = subnetView({ subnetId: 'sub-1', cidr: '10.0.0.64/26', gatewayIp: '10.0.0.126' })
const dhcp = agentPort(
  '1332271e-0dc1-4a6b-8d5e-1c2b3a495867',
  networkId,
  'fa:16:3e:00:00:02',
  subnet,
  '10.0.0.66',
  'network:dhcp',
)
const guestPort = wiring({
  portId: '28468932-9ea0-43d0-b699-ba19bf65cae3',
  networkId,
  mac: 'fa:16:3e:1b:5c:9d',
  fixedIps: [{ subnetId: 'sub-1', ipAddress: '10.0.0.70' }],
})
const guestHost: DhcpHost = {
  portId: guestPort.portId,
  mac: guestPort.mac,
  hostname: 'vm1',
  fixedIps: guestPort.fixedIps,
  options: [],
}
const network = (change: Partial<DhcpNetwork> = {}): DhcpNetwork => ({
  networkId,
  projectId: 'project-1',
  mtu: 1450,
  adminUp: true,
  dnsDomain: 'openstacklocal',
  subnets: [subnet],
  port: dhcp.port,
  hosts: [guestHost],
  generation: 1,
  ...change,
})

/** A DNS question by hand; prints the last four bytes of the answer, which are its address. */
const resolveScript = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(30)
name = b''.join(bytes([len(part)]) + part.encode() for part in sys.argv[2].split('.')) + bytes(1)
s.sendto(bytes([1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + name + bytes([0, 1, 0, 1]), (sys.argv[1], 53))
print(socket.inet_ntoa(s.recv(512)[-4:]))
`

let rig: Rig
let guest: string
const stops: (() => Promise<unknown>)[] = []

const startDhcp = async (reconcileInterval = 500) => {
  const agent = await startDhcpAgent({
    ...rig.common,
    socketPath: `${rig.folder}/neutron/metadata_proxy`,
    config: withDefaults(dhcpAgentConfig, { reconcileInterval }),
  })
  return agent
}
let agent: Awaited<ReturnType<typeof startDhcp>>
const isReady = (generation: number) =>
  rig.told.some((word) => word.name === 'dhcpReady' && word.generation === generation)
const daemons = async () =>
  (await rig.driver.processes()).map(({ command, pid }) => `${command[0]} ${pid}`).toSorted()

beforeAll(async () => {
  rig = await guestNet()
  const metadata = await serveMetadata(
    rig,
    { ...sampleFacts, metadata: { colour: 'blue' } },
    { via: networkId, ip: '10.0.0.70', portId: guestPort.portId },
  )
  stops.push(() => metadata.stop())
  rig.wanted.dhcp = [network()]
  agent = await startDhcp()
  await rig.until('the network is served', () => isReady(1))
  await rig.wire(dhcp.wired)
  guest = await rig.guest(guestPort)
})
afterAll(async () => {
  await agent?.stop()
  for (const stop of stops.toReversed()) await stop()
  await rig?.close()
})

test('the namespace has the port with both addresses (rows 188, 200, 201)', async () => {
  const { stdout } = await rig.driver.runIn(namespace, 'ip', [
    '-o',
    '-4',
    'addr',
    'show',
    'dev',
    'tap1332271e-0d',
  ])
  expect(stdout).toContain('10.0.0.66/26')
  expect(stdout).toContain('169.254.169.254/16')
  const routes = await rig.driver.runIn(namespace, 'ip', ['route'])
  expect(routes.stdout).toContain('169.254.0.0/16 dev tap1332271e-0d')
  const listening = async () => (await rig.driver.runIn(namespace, 'ss', ['-Hlntu'])).stdout
  for (const place of ['10.0.0.66:53', '169.254.169.254:53', '0.0.0.0:80'])
    expect(await listening()).toContain(place)
  // The link-local address is usable a second after its link, when nobody else has claimed it.
  await rig.until('dnsmasq listens on IPv6', async () =>
    (await listening()).includes('[fe80::f816:3eff:fe00:2]%tap1332271e-0d:53'),
  )
})

test('a guest gets its own address, the way to metadata and the MTU', async () => {
  const lease = await rig.lease(guest, guestPort)
  expect(lease).toEqual({
    address: '10.0.0.70',
    mask: '255.255.255.192',
    routes: [
      ['169.254.169.254/32', '10.0.0.66'],
      ['0.0.0.0/0', '10.0.0.126'],
    ],
    router: '10.0.0.126',
    dns: '10.0.0.66',
    mtu: 1450,
    domain: 'openstacklocal',
  })
  await rig.useLease(guest, guestPort, lease)
})

test('curl in the guest reaches nova through three hops (rows 192, 220)', async () => {
  const base = 'http://169.254.169.254'
  expect(await rig.curl(guest, `${base}/2009-04-04/instance-id`)).toBe('i-00000003')
  expect(JSON.parse(await rig.curl(guest, `${base}/openstack/latest/meta_data.json`))).toMatchObject({
    uuid: sampleFacts.id,
    meta: { colour: 'blue' },
  })
  expect(await rig.curl(guest, `${base}/openstack/latest/nothing`)).toContain('404 Not Found')
})

test('headers that a guest invents change nothing (row 212)', async () => {
  const spoofed = [
    'X-Forwarded-For: 10.0.0.99',
    'X-Neutron-Network-ID: other',
    'X-Neutron-Router-ID: other',
    'X-Instance-ID: 00000000-0000-4000-8000-000000000000',
    'X-Tenant-ID: other',
  ].flatMap((header) => ['-H', header])
  const answer = await rig.curl(guest, ...spoofed, 'http://169.254.169.254/openstack/latest/meta_data.json')
  expect(JSON.parse(answer).uuid).toBe(sampleFacts.id)
})

test("names resolve by the network's dnsmasq", async () => {
  const { stdout } = await rig.driver.runIn(guest, 'python3', [
    '-c',
    resolveScript,
    '10.0.0.66',
    'vm1.openstacklocal',
  ])
  expect(stdout.trim()).toBe('10.0.0.70')
})

test('another guest is answered without a restart; the same address for another card, too', async () => {
  const before = await daemons()
  const second = wiring({
    portId: '3b3b3b3b-9ea0-43d0-b699-ba19bf65cae3',
    networkId,
    mac: 'fa:16:3e:1b:5c:9e',
    fixedIps: [{ subnetId: 'sub-1', ipAddress: '10.0.0.71' }],
  })
  const other = {
    ...guestHost,
    portId: second.portId,
    mac: second.mac,
    hostname: 'vm2',
    fixedIps: second.fixedIps,
  }
  rig.wanted.dhcp = [network({ hosts: [guestHost, other], generation: 2 })]
  agent.nudge()
  await rig.until('the second guest is known', () => isReady(2))
  expect(await daemons()).toEqual(before)
  const place = await rig.guest(second)
  expect((await rig.lease(place, second)).address).toBe('10.0.0.71')
  // The port goes; another gets its address. Its old lease must not stand in the way.
  const third = { ...second, portId: '4c4c4c4c-9ea0-43d0-b699-ba19bf65cae3', mac: 'fa:16:3e:1b:5c:9f' }
  rig.wanted.dhcp = [
    network({ hosts: [guestHost, { ...other, portId: third.portId, mac: third.mac }], generation: 3 }),
  ]
  agent.nudge()
  await rig.until('the third guest is known', () => isReady(3))
  const thirdPlace = await rig.guest(third)
  expect((await rig.lease(thirdPlace, third)).address).toBe('10.0.0.71')
})

test('an agent that starts again takes over, and what is killed comes back', async () => {
  const before = await daemons()
  expect(before).toHaveLength(2)
  await agent.stop()
  expect(await rig.curl(guest, 'http://169.254.169.254/2009-04-04/instance-id')).toBe('i-00000003')
  // Long enough that it looks by itself only once: the end of programs that another started must be told.
  agent = await startDhcp(600_000)
  await rig.until(
    'the agent has looked',
    () => rig.told.filter(({ generation }) => generation === 3).length > 1,
  )
  expect(await daemons()).toEqual(before)
  for (const process of await rig.driver.processes()) await rig.driver.signal(process, 'SIGKILL')
  await rig.until('both are back', async () => (await daemons()).length === 2)
  await rig.until(
    'metadata answers again',
    async () => (await rig.curl(guest, 'http://169.254.169.254/2009-04-04/instance-id')) === 'i-00000003',
  )
})

test('a network that goes leaves neither namespace nor process nor file', async () => {
  rig.wanted.dhcp = []
  agent.nudge()
  await rig.until('the namespace has gone', async () => !(await rig.driver.namespaces()).includes(namespace))
  await rig.until(
    'the files have gone',
    async () => !(await world.files.exists(`${rig.folder}/neutron/dhcp/${networkId}`)),
  )
  expect(await daemons()).toEqual([])
  expect(await world.files.list(`${rig.folder}/neutron/ns-metadata-proxy`)).toEqual([])
})
