// One host of a cloud for tests of the network agents on this kernel: a network namespace that plays the host with a
// switch of its own, clients in namespaces that play guests, and a network service that wants what the test says.
import {
  type AgentPort,
  type DhcpNetwork,
  networkPlugin,
  type PortRule,
  type PortWiring,
  type RouterWiring,
  type SubnetView,
} from '#contracts/network-agent.ts'
import type { WiringDriver } from '#drivers/wiring/driver.ts'
import { openOvsWiring } from '#drivers/wiring/ovs/open.ts'
import type { Handlers } from '#kit/bus/bus.ts'
import { testBus } from '#kit/bus/test-bus.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import { openLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import { clearDeadRuns, runName } from './run-name.ts'

export const world = realWorld()
export const log = openLog({ level: 'error' })

/** A guest's side of DHCP, by hand: prints what it was given as JSON. */
const dhcpScript = `
import json, os, socket, struct, sys
device, mac = sys.argv[1], bytes.fromhex(sys.argv[2].replace(':', ''))
xid = os.urandom(4)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
s.bind(('', 68))
s.settimeout(1)
def send(kind, more):
    head = struct.pack('!BBBB4sHH4s4s4s4s', 1, 1, 6, 0, xid, 0, 0x8000, b'\\0'*4, b'\\0'*4, b'\\0'*4, b'\\0'*4)
    options = bytes([99, 130, 83, 99, 53, 1, kind]) + more + bytes([55, 7, 1, 3, 6, 15, 26, 121, 249, 255])
    s.sendto(head + mac + b'\\0' * (10 + 64 + 128) + options, ('255.255.255.255', 67))
def receive(kind):
    for _ in range(8):
        data = s.recv(2000)
        if data[4:8] != xid: continue
        options, at = {}, 240
        while at < len(data) and data[at] != 255:
            if data[at] == 0: at += 1; continue
            options[data[at]] = data[at + 2:at + 2 + data[at + 1]]
            at += 2 + data[at + 1]
        if options.get(53) == bytes([kind]): return data[16:20], options
    raise OSError('no answer')
text = lambda b: socket.inet_ntoa(b)
for attempt in range(20):
    try:
        send(1, b''); offered, options = receive(2)
        send(3, bytes([50, 4]) + offered + bytes([54, 4]) + options[54]); given, options = receive(5)
        break
    except OSError:
        if attempt == 19: sys.exit(1)
routes, rest = [], options.get(121, b'')
while rest:
    size = (rest[0] + 7) // 8
    routes.append([text(rest[1:1 + size].ljust(4, b'\\0')) + '/' + str(rest[0]), text(rest[1 + size:5 + size])])
    rest = rest[5 + size:]
print(json.dumps({'address': text(given), 'mask': text(options[1]), 'routes': routes,
  'router': text(options[3]) if 3 in options else None, 'dns': text(options[6]) if 6 in options else None,
  'mtu': struct.unpack('!H', options[26])[0] if 26 in options else None, 'domain': options.get(15, b'').decode()}))
`
/** An ICMP echo by hand, for there may be no ping; exits 0 when the answer came. */
const pingScript = `
import os, socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
s.settimeout(1)
ident = os.getpid() & 0xffff
body = struct.pack('!BBHHH', 8, 0, 0, ident, 1) + b'nimbo-guests'
total = sum(struct.unpack('!%dH' % (len(body) // 2), body))
total = (total >> 16) + (total & 0xffff)
total += total >> 16
body = body[:2] + struct.pack('!H', ~total & 0xffff) + body[4:]
for attempt in range(int(sys.argv[2])):
    try:
        s.sendto(body, (sys.argv[1], 0))
        while True:
            got = s.recv(2000)
            reply = got[(got[0] & 15) * 4:]
            if reply[0] == 0 and struct.unpack('!H', reply[4:6])[0] == ident: sys.exit(0)
    except OSError: pass
sys.exit(1)
`

export type Lease = {
  address: string
  mask: string
  routes: [string, string][]
  router: string | null
  dns: string | null
  mtu: number | null
  domain: string
}

export async function must(command: string, ...args: string[]): Promise<string> {
  const result = await world.processes.run(command, args)
  if (result.code !== 0) throw new Error(`${command} ${args.join(' ')}: ${result.stderr || result.stdout}`)
  return result.stdout
}

type Plugin = Handlers<(typeof networkPlugin)['methods']>

export type Rig = Awaited<ReturnType<typeof guestNet>>

export async function guestNet() {
  await clearDeadRuns()
  const id = runName()
  const host = `nbg${id}`
  const folder = `/tmp/nimbo-guests-${id}`
  const namespaces = new Set<string>()
  await must('ip', 'netns', 'add', host)
  await must('ip', '-n', host, 'link', 'set', 'lo', 'up')
  const options = {
    cloudId: `test-${id}`,
    dataFolder: `${folder}/data`,
    hostNamespace: host,
    places: { runFolder: `${folder}/run`, databaseFile: `${folder}/db/conf.db`, logFolder: `${folder}/log` },
  }
  // As a cloud's own folder is: others may pass through, so that dnsmasq can read its files as an ordinary user.
  await world.files.makeFolder(options.dataFolder, { mode: 0o711 })
  const driver: WiringDriver = await openOvsWiring(world, log, options)
  await driver.prepare({
    physicalNetworks: { public: { bridge: 'br-ex', address: '172.24.4.1/24' } },
  })
  const ports = new Map<string, PortWiring>()
  let generation = 0
  const wire = async (...more: PortWiring[]) => {
    for (const port of more) ports.set(port.portId, port)
    generation++
    await driver.applyWiring({ generation, ports: [...ports.values()], remoteGroups: {}, tunnelPeers: [] })
  }

  const told: Record<string, unknown>[] = []
  const wanted = { dhcp: [] as DhcpNetwork[], routers: [] as RouterWiring[], generation: 0 }
  const owners = new Map<string, { portId: string; instanceId: string; tenantId: string }>()
  const tell = (name: string) => async (params: Record<string, unknown>) => {
    told.push({ name, ...params })
  }
  const plugin: Partial<Plugin> = {
    hostDhcp: async () => structuredClone({ generation: ++wanted.generation, networks: wanted.dhcp }),
    hostRouters: async () => structuredClone({ generation: ++wanted.generation, routers: wanted.routers }),
    agentReport: async () => ({ status: 'alive' }),
    releaseDhcpPort: async () => ({ accepted: true }),
    dhcpReady: tell('dhcpReady'),
    routerStatus: tell('routerStatus'),
    floatingIpStatus: tell('floatingIpStatus'),
    metadataPort: async ({ networkId, routerId, ip }) => ({
      port: owners.get(`${networkId ?? routerId} ${ip}`) ?? null,
    }),
  }
  const sink = memorySink()
  const journal = openJournal({ world, log, host: 'node1', service: 'agent', sink })
  const bus = testBus(world, () => journal)
  await bus.serve(networkPlugin, 'controller', 'neutron-server', plugin as Plugin)

  return {
    id,
    host,
    folder: options.dataFolder,
    driver,
    wire,
    wanted,
    told,
    owners,
    sink,
    common: { world, log, journal, bus, host: 'node1', driver, folder: options.dataFolder },

    /** A namespace that plays a guest on the port. */
    async guest(port: PortWiring): Promise<string> {
      const namespace = `nbv${id}-${port.portId.slice(0, 4)}`
      namespaces.add(namespace)
      await driver.ensureNamespace(namespace)
      await driver.plugIntoNamespace(port, { namespace, addresses: [] })
      await wire(port)
      return namespace
    },
    async lease(namespace: string, port: PortWiring): Promise<Lease> {
      const device = `tap${port.portId.slice(0, 11)}`
      const result = await driver.runIn(namespace, 'python3', ['-c', dhcpScript, device, port.mac])
      if (result.code !== 0) throw new Error(`no lease: ${result.stderr}`)
      return JSON.parse(result.stdout) as Lease
    },
    /** What a DHCP client does with its lease. */
    async useLease(namespace: string, port: PortWiring, lease: Lease): Promise<void> {
      const device = `tap${port.portId.slice(0, 11)}`
      await must('ip', '-n', namespace, 'addr', 'add', `${lease.address}/${lease.mask}`, 'dev', device)
      for (const [to, via] of lease.routes)
        await must('ip', '-n', namespace, 'route', 'replace', to, 'via', via, 'dev', device)
    },
    ping: async (namespace: string, to: string, attempts = 4) =>
      (
        await world.processes.run('ip', [
          'netns',
          'exec',
          namespace,
          'python3',
          '-c',
          pingScript,
          to,
          String(attempts),
        ])
      ).code === 0,
    curl: async (namespace: string, ...args: string[]) =>
      (await driver.runIn(namespace, 'curl', ['-s', '-m', '60', ...args])).stdout,
    /** Until it is true: what agents do takes its time. */
    async until(what: string, is: () => Promise<boolean> | boolean): Promise<void> {
      for (let waited = 0; waited < 120_000; waited += 50) {
        if (await is()) return
        await world.timers.sleep(50)
      }
      throw new Error(`in vain: ${what}`)
    },
    async close(): Promise<void> {
      await driver.destroyAll()
      await driver.close()
      for (const name of ['ovs-vswitchd', 'ovsdb-server']) {
        for (const process of await world.processes.find([name, folder]))
          world.processes.signal(process.pid, 'SIGTERM')
      }
      await must('ip', 'netns', 'del', host)
      await world.files.removeTree(folder)
    },
  }
}

const egress: PortRule = {
  direction: 'egress',
  ethertype: 'IPv4',
  protocol: null,
  portMin: null,
  portMax: null,
  remotePrefix: null,
  remoteGroupId: null,
}
/** As the default group with ping let in. */
export const rules: PortRule[] = [egress, { ...egress, direction: 'ingress', protocol: 1 }]

export const wiring = (
  change: Partial<PortWiring> & Pick<PortWiring, 'portId' | 'networkId' | 'mac'>,
): PortWiring => ({
  fixedIps: [],
  mtu: 1450,
  networkType: 'local',
  physicalNetwork: null,
  segmentationId: null,
  adminUp: true,
  deviceOwner: 'compute:nova',
  deviceId: 'server-1',
  portSecurityEnabled: true,
  allowedAddressPairs: [],
  securityRules: rules,
  tunnelPeers: [],
  generation: 1,
  ...change,
})

export const subnetView = (
  change: Partial<SubnetView> & Pick<SubnetView, 'subnetId' | 'cidr'>,
): SubnetView => ({
  ipVersion: 4,
  gatewayIp: null,
  enableDhcp: true,
  dnsNameservers: [],
  hostRoutes: [],
  ipv6RaMode: null,
  ipv6AddressMode: null,
  hasRouter: false,
  ...change,
})

/** The same port as its agent and as the switch know it; no security: agents' ports have none. */
export function agentPort(
  portId: string,
  networkId: string,
  mac: string,
  subnet: SubnetView,
  ipAddress: string,
  deviceOwner: string,
  change: Partial<PortWiring> = {},
): { port: AgentPort; wired: PortWiring } {
  const { subnetId, cidr } = subnet
  const prefix = Number(cidr.split('/')[1])
  const mtu = change.mtu ?? 1450
  return {
    port: {
      portId,
      networkId,
      mac,
      mtu,
      adminUp: true,
      fixedIps: [{ subnetId, ipAddress, prefix }],
      subnets: [subnet],
    },
    wired: wiring({
      portId,
      networkId,
      mac,
      fixedIps: [{ subnetId, ipAddress }],
      deviceOwner,
      portSecurityEnabled: false,
      securityRules: [],
      ...change,
    }),
  }
}
