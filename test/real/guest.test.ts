// Real guests on all that the network agents make: one learns who it is by DHCP and metadata and is entered through its
// floating IP, one by its config drive. Needs root; QEMU runs inside the namespace that plays the host.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dhcpAgentConfig, startDhcpAgent } from '#agents/dhcp/index.ts'
import { l3AgentConfig, startL3Agent } from '#agents/l3/index.ts'
import { ed25519KeyPair } from '#cli/key-pair.ts'
import type { DhcpHost, PortWiring } from '#contracts/network-agent.ts'
import { withDefaults } from '#kit/config/section.ts'
import { buildCdImage } from '#kit/iso9660/iso9660.ts'
import type { InstanceFacts } from '#kit/metadata-tree/facts.ts'
import { sampleFacts } from '#kit/metadata-tree/sample.ts'
import { configDriveFiles } from '#kit/metadata-tree/tree.ts'
import type { TinyImage } from '#main/tiny-image/build.ts'
import { emulated, tinyImage } from './guest-image.ts'
import { serveMetadata } from './guest-metadata.ts'
import { agentPort, guestNet, type Rig, rules, subnetView, wiring, world } from './guest-net.ts'

/** Another one in each run: the network's namespace is named by it. */
const networkId = world.random.uuid()
const routerId = world.random.uuid()
const inner = subnetView({ subnetId: 'sub-1', cidr: '10.0.0.0/24', gatewayIp: '10.0.0.1' })
const outer = subnetView({ subnetId: 'sub-public', cidr: '172.24.4.0/24', gatewayIp: '172.24.4.1' })
const dhcp = agentPort(
  '1332271e-0dc1-4a6b-8d5e-1c2b3a495867',
  networkId,
  'fa:16:3e:00:00:02',
  inner,
  '10.0.0.2',
  'network:dhcp',
)
const near = agentPort(
  '5c6d7e8f-90aa-4d0e-8f7b-2b3c4d5e6f71',
  networkId,
  'fa:16:3e:00:00:5c',
  inner,
  '10.0.0.1',
  'network:router_interface',
)
const gateway = agentPort(
  '9f1b7c2d-31aa-4d0e-8f7b-2b3c4d5e6f70',
  'net-public',
  'fa:16:3e:00:00:9f',
  outer,
  '172.24.4.10',
  'network:router_gateway',
  {
    networkType: 'flat',
    physicalNetwork: 'public',
    mtu: 1500,
  },
)
const ssh = { ...rules[1]!, protocol: 6, portMin: 22, portMax: 22 }
const guestPort = (digit: number): PortWiring =>
  wiring({
    portId: `${String(digit).repeat(8)}-9ea0-43d0-b699-ba19bf65cae3`,
    networkId,
    mac: `fa:16:3e:1b:5c:0${digit}`,
    fixedIps: [{ subnetId: 'sub-1', ipAddress: `10.0.0.1${digit}` }],
    securityRules: [...rules, ssh],
  })
const ports = [guestPort(1), guestPort(2)] as const
const known = (port: PortWiring): DhcpHost => ({
  portId: port.portId,
  mac: port.mac,
  hostname: `host-${port.mac.slice(-1)}`,
  fixedIps: port.fixedIps,
  options: [],
})
const keys = ed25519KeyPair(Buffer.alloc(32, 9), Buffer.alloc(4), 'test')
const facts = (name: string): InstanceFacts => ({
  ...sampleFacts,
  name,
  hostname: name,
  keys: [{ name: 'test', type: 'ssh', publicKey: keys.publicKey }],
  userData: Buffer.from('#!/bin/sh\necho "user data on $(hostname)"\n').toString('base64'),
})

let rig: Rig
let image: TinyImage
const stops: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  rig = await guestNet()
  image = await tinyImage(`${rig.folder}/tiny.qcow2`)
  const metadata = await serveMetadata(rig, facts('by-network'), {
    via: networkId,
    ip: '10.0.0.11',
    portId: ports[0].portId,
  })
  rig.wanted.dhcp = [
    {
      networkId,
      projectId: 'project-1',
      mtu: 1450,
      adminUp: true,
      dnsDomain: 'openstacklocal',
      subnets: [inner],
      port: dhcp.port,
      hosts: ports.map(known),
      generation: 1,
    },
  ]
  rig.wanted.routers = [
    {
      routerId,
      projectId: 'project-1',
      adminUp: true,
      enableSnat: true,
      gateway: gateway.port,
      interfaces: [near.port],
      floatingIps: [
        { floatingIpId: 'fip-1', floatingIp: '172.24.4.50', fixedIp: '10.0.0.11', portId: ports[0].portId },
      ],
      routes: [],
      generation: 1,
    },
  ]
  const socketPath = `${rig.folder}/neutron/metadata_proxy`
  const dhcpAgent = await startDhcpAgent({ ...rig.common, socketPath, config: withDefaults(dhcpAgentConfig) })
  const l3Agent = await startL3Agent({ ...rig.common, socketPath, config: withDefaults(l3AgentConfig) })
  stops.push(
    () => metadata.stop(),
    () => dhcpAgent.stop(),
    () => l3Agent.stop(),
  )
  await rig.until('network and router are there', () =>
    ['dhcpReady', 'routerStatus'].every((name) => rig.told.some((word) => word.name === name)),
  )
  for (const port of ports) await rig.driver.plugPort(port, { ownerUid: 0 })
  await rig.wire(dhcp.wired, near.wired, gateway.wired, ...ports)
})
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop()
  await rig?.close()
})

/** Starts the image on the port's tap; gives what its console has shown once it offers a login. */
async function boot(port: PortWiring, more: string[] = []): Promise<string> {
  const device = `tap${port.portId.slice(0, 11)}`
  const shown = `${rig.folder}/console-${device}`
  const guest = await world.processes.start('ip', [
    ...['netns', 'exec', rig.host, 'qemu-system-x86_64', ...emulated],
    ...['-m', String(image.minRamMegabytes), '-display', 'none', '-serial', `file:${shown}`],
    ...['-drive', `file=${rig.folder}/tiny.qcow2,if=virtio,snapshot=on`],
    ...['-netdev', `tap,id=n,ifname=${device},script=no,downscript=no,vnet_hdr=off`],
    ...['-device', `virtio-net-pci,netdev=n,mac=${port.mac}`, ...more],
  ])
  stops.push(async () => {
    guest.kill('SIGKILL')
    await guest.exited
  })
  const text = async () => ((await world.files.exists(shown)) ? world.files.readText(shown) : '')
  while (!/ login: $/.test(await text())) await world.timers.sleep(100)
  return text()
}

test('a guest gets its address, name, key and user data from the network, and is entered from outside', async () => {
  const shown = await boot(ports[0])
  expect(shown).toContain('udhcpc: eth0 lease of 10.0.0.11 obtained from 10.0.0.2')
  expect(shown).toContain('checking http://169.254.169.254/2009-04-04/instance-id')
  expect(shown).toMatch(/successful after \d+\/20 tries: .* iid=i-00000003/)
  expect(shown).toContain('=== datasource: ec2 net ===')
  expect(shown).toContain('user data on by-network')
  expect(shown).toMatch(/by-network login: $/)
  await world.files.write(`${rig.folder}/key`, keys.privateKey, { mode: 0o600 })
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'BatchMode=yes',
    'LogLevel=ERROR',
  ]
  const entered = await world.processes.run('ip', [
    ...['netns', 'exec', rig.host, 'ssh', ...options.flatMap((option) => ['-o', option])],
    ...['-i', `${rig.folder}/key`, 'cirros@172.24.4.50', 'hostname; ip route; cat /sys/class/net/eth0/mtu'],
  ])
  expect(entered.stdout).toMatch(/^by-network\n/)
  expect(entered.stdout).toContain('169.254.169.254 via 10.0.0.2')
  expect(entered.stdout).toContain('default via 10.0.0.1')
  expect(entered.stdout).toMatch(/1450\n$/)
})

test('a guest with a config drive needs no metadata service', async () => {
  const random = (count: number) => world.random.bytes(count)
  const files = configDriveFiles(facts('by-drive'), { domain: 'novalocal', random })
  const drive = `${rig.folder}/drive.iso`
  await world.files.write(drive, buildCdImage({ label: 'config-2', files, at: world.clock.now() }))
  const shown = await boot(ports[1], ['-drive', `file=${drive},media=cdrom`])
  expect(shown).toContain('=== datasource: config-drive /dev/sr0 ===')
  expect(shown).toContain('user data on by-drive')
  expect(shown).toMatch(/by-drive login: $/)
})
