// Router advertisements (RFC 4861) on the router's own side of its IPv6 subnets: by them guests find their router, and by
// ipv6_ra_mode their address. dnsmasq sends them; DHCPv6 is the DHCP agent's, so the router's rules keep it from dnsmasq here.
import type { AgentPort, RouterWiring } from '#contracts/network-agent.ts'
import {
  type Daemon,
  deviceName,
  endDaemon,
  type NamespaceProcess,
  runningDaemon,
  startDaemon,
} from '#drivers/wiring/load.ts'
import type { Trace } from '#kit/journal/journal.ts'
import { formatAddress } from '#kit/net/address.ts'
import { cidr, networkAddress } from '#kit/net/cidr.ts'
import type { RouterParts } from './router.ts'

type Advertised = {
  device: string
  prefix: string
  length: number
  mode: string
  dnsServers: readonly string[]
}

/** Seconds; the first within RFC 4861's bounds and near Neutron's (30 to 100), the second three of them. */
const intervalS = 60
const lifetimeS = 180
/** As dnsmasq names what the modes ask for: autonomous addresses, with other settings by DHCPv6, addresses by DHCPv6. */
const flagsOf: Record<string, string> = {
  slaac: 'ra-only',
  'dhcpv6-stateless': 'ra-stateless',
  'dhcpv6-stateful': 'static',
}

export function advertised({ interfaces }: Pick<RouterWiring, 'interfaces'>): Advertised[] {
  return interfaces.flatMap((port) => {
    const device = deviceName({ portId: port.portId, deviceOwner: 'network:router_interface' })
    return ownSubnets(port).flatMap(({ cidr: text, ipVersion, ipv6RaMode, dnsNameservers }) => {
      const mode = ipVersion === 6 && ipv6RaMode !== null ? flagsOf[ipv6RaMode] : undefined
      if (mode === undefined) return []
      const net = cidr(text)
      const prefix = formatAddress(networkAddress(net))
      const dnsServers = dnsNameservers.filter((server) => server.includes(':'))
      return [{ device, prefix, length: net.prefix, mode, dnsServers }]
    })
  })
}

/** The pid file lies in our data folder: by its name in the command line the program is known as ours. */
export function advertisementArguments(all: readonly Advertised[], pidFile: string): string[] {
  const devices = [...new Set(all.map(({ device }) => device))].sort()
  return [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--port=0',
    '--no-hosts',
    '--no-resolv',
    '--bind-dynamic',
    '--leasefile-ro',
    '--enable-ra',
    `--pid-file=${pidFile}`,
    ...devices.map((device) => `--interface=${device}`),
    '--except-interface=lo',
    ...devices.map((device) => `--ra-param=${device},${intervalS},${lifetimeS}`),
    ...all.map(({ prefix, length, mode }) => `--dhcp-range=${prefix},${mode},${length}`),
    ...devices.flatMap((device) => dnsOption(device, all)),
    '--quiet-ra',
    '--quiet-dhcp6',
    '--log-facility=-',
  ]
}

/** Of all its subnets: a card has one list of name servers. */
function dnsOption(device: string, all: readonly Advertised[]): string[] {
  const servers = new Set(all.flatMap((each) => (each.device === device ? each.dnsServers : [])))
  const list = [...servers].map((server) => `[${server}]`).join(',')
  return list === '' ? [] : [`--dhcp-option=tag:${device},option6:dns-server,${list}`]
}

export async function serveAdvertisements(
  parts: RouterParts,
  trace: Trace,
  router: RouterWiring,
  namespace: string,
  running: readonly NamespaceProcess[],
): Promise<void> {
  const all = advertised(router)
  const program = 'dnsmasq'
  if (all.length === 0) return endDaemon(parts, running, { namespace, program })
  const { pid: pidFile, log: logFile, folder } = advertisementFiles(parts.folder, router.routerId)
  const daemon: Daemon = { namespace, program, args: advertisementArguments(all, pidFile), logFile }
  if (runningDaemon(running, daemon)) return
  const subject = `router:${router.routerId}`
  await parts.journal.span(trace, { kind: 'driver', name: 'router.advertise', subject }, () =>
    startDaemon(parts, running, daemon, () => parts.world.files.makeFolder(folder, { mode: 0o755 })),
  )
}

export async function removeAdvertisementFiles(
  { world, folder }: Pick<RouterParts, 'world' | 'folder'>,
  routerId: string,
) {
  const { pid, log } = advertisementFiles(folder, routerId)
  await world.files.remove(pid)
  await world.files.remove(log)
}

function advertisementFiles(data: string, routerId: string) {
  const folder = `${data}/neutron/ra`
  return { folder, pid: `${folder}/${routerId}.pid`, log: `${folder}/${routerId}.log` }
}

/** Of its network's subnets, those in which the port has an address. */
function ownSubnets({ fixedIps, subnets }: AgentPort) {
  return subnets.filter(({ subnetId }) => fixedIps.some((ip) => ip.subnetId === subnetId))
}
