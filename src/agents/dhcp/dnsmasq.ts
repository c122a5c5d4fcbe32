// dnsmasq's command line and files for one network, as pure texts. Options: https://thekelleys.org.uk/dnsmasq/docs/dnsmasq-man.html
import type { DhcpHost, DhcpNetwork, SubnetView } from '#contracts/network-agent.ts'
import { canonicalAddress, formatAddress } from '#kit/net/address.ts'
import { addressCount, cidr, formatCidr, netmask, networkAddress } from '#kit/net/cidr.ts'

export const metadataAddress = '169.254.169.254'

export type DnsmasqPlan = {
  network: DhcpNetwork
  /** Of the DHCP port. */
  device: string
  /** The DHCP port's own address in each subnet, by subnet. */
  ownAddresses: ReadonlyMap<string, string>
  /** Subnets whose guests are told to reach metadata by the DHCP port. */
  metadataSubnets: ReadonlySet<string>
  folder: string
  dnsServers: readonly string[]
  leaseMs: number
  /** The user that it becomes; without one, dnsmasq's own choice. */
  user?: string
}

/** Files that dnsmasq reads again on SIGHUP, by name. */
export type DnsmasqFiles = { host: string; addn_hosts: string; opts: string }

const fewestLeases = 256
/** No network is worth more memory for leases; Neutron's limit. */
const mostLeases = 2 ** 24

export function dnsmasqArguments(plan: DnsmasqPlan): string[] {
  const { network, folder } = plan
  const ranges = network.subnets.filter(givesAddresses)
  const sizes = ranges.map((subnet) => addressCount(cidr(subnet.cidr))).reduce((a, b) => a + b, 0n)
  const leases = sizes > mostLeases ? mostLeases : Math.max(Number(sizes), fewestLeases)
  return [
    '--keep-in-foreground',
    '--no-hosts',
    plan.dnsServers.length > 0 ? '--strict-order' : '',
    '--no-resolv',
    ...plan.dnsServers.map((server) => `--server=${server}`),
    `--pid-file=${folder}/pid`,
    `--dhcp-hostsfile=${folder}/host`,
    `--addn-hosts=${folder}/addn_hosts`,
    `--dhcp-optsfile=${folder}/opts`,
    `--dhcp-leasefile=${folder}/leases`,
    '--local-service',
    '--bind-dynamic',
    ...ranges.map((subnet) => rangeArgument(subnet, plan.leaseMs)),
    `--dhcp-option-force=option:mtu,${network.mtu}`,
    `--dhcp-lease-max=${leases}`,
    '--conf-file=/dev/null',
    ...(network.dnsDomain === '' ? [] : [`--domain=${network.dnsDomain}`, `--local=/${network.dnsDomain}/`]),
    `--interface=${plan.device}`,
    '--except-interface=lo',
    '--quiet-dhcp',
    '--quiet-dhcp6',
    '--quiet-ra',
    '--log-facility=-',
    ...(plan.user === undefined ? [] : [`--user=${plan.user}`]),
  ].filter((argument) => argument !== '')
}

function rangeArgument({ subnetId, cidr: text, ipVersion }: SubnetView, leaseMs: number): string {
  const net = cidr(text)
  const from = formatAddress(networkAddress(net))
  const lease = `${Math.round(leaseMs / 1000)}s`
  const size = ipVersion === 4 ? netmask(net) : String(net.prefix)
  return `--dhcp-range=set:${subnetTag(subnetId)},${from},static,${size},${lease}`
}

/** Routers announce SLAAC's prefixes; dnsmasq has nothing to give there. */
function givesAddresses(subnet: SubnetView): boolean {
  return subnet.enableDhcp && !(subnet.ipVersion === 6 && subnet.ipv6AddressMode === 'slaac')
}

export function dnsmasqFiles(plan: DnsmasqPlan): DnsmasqFiles {
  const { network } = plan
  const hosts = network.hosts.toSorted((a, b) => (a.portId < b.portId ? -1 : 1))
  const subnets = new Map(network.subnets.filter(givesAddresses).map((subnet) => [subnet.subnetId, subnet]))
  return {
    host: hosts.flatMap((host) => hostLines(host, subnets, network.dnsDomain)).join(''),
    addn_hosts: hosts.flatMap((host) => nameLines(host, network.dnsDomain)).join(''),
    opts: [
      ...[...subnets.values()].flatMap((subnet) => subnetOptions(plan, subnet)),
      ...hosts.flatMap(hostOptions),
    ]
      .map((line) => `${line}\n`)
      .join(''),
  }
}

/** 'fa:16:3e:aa:bb:01,host-10-0-0-5.openstacklocal,10.0.0.5': each address of each card. */
function hostLines(host: DhcpHost, subnets: ReadonlyMap<string, SubnetView>, domain: string): string[] {
  const tag = safeOptions(host).length > 0 ? `set:${portTag(host.portId)},` : ''
  return host.fixedIps
    .filter(({ subnetId }) => subnets.has(subnetId))
    .map(({ ipAddress }) => {
      const address = ipAddress.includes(':') ? `[${ipAddress}]` : ipAddress
      return `${host.mac},${tag}${fullName(host, ipAddress, domain)},${address}\n`
    })
}

function nameLines(host: DhcpHost, domain: string): string[] {
  return host.fixedIps.map(({ ipAddress }) => {
    const name = fullName(host, ipAddress, domain)
    return domain === ''
      ? `${ipAddress}\t${name}\n`
      : `${ipAddress}\t${name} ${name.slice(0, -domain.length - 1)}\n`
  })
}

/** A name that is none, by DNS's rules, is not written into a file of another program's. */
function fullName(host: DhcpHost, ipAddress: string, domain: string): string {
  const plain = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(host.hostname)
  const name = plain ? host.hostname : `host-${canonicalAddress(ipAddress).replace(/[.:]+/g, '-')}`
  return domain === '' ? name : `${name}.${domain}`
}

function subnetOptions(plan: DnsmasqPlan, subnet: SubnetView): string[] {
  const tag = `tag:${subnetTag(subnet.subnetId)}`
  const own = plan.ownAddresses.get(subnet.subnetId)
  const dns = subnet.dnsNameservers.length > 0 ? subnet.dnsNameservers : own === undefined ? [] : [own]
  if (subnet.ipVersion === 6) {
    const servers = dns.map((server) => `[${server}]`).join(',')
    return servers === '' ? [] : [`${tag},option6:dns-server,${servers}`]
  }
  const routes = classlessRoutes(plan, subnet, own)
  return [
    // 249 is Microsoft's number for the same. With 121 a client ignores the router option (RFC 3442), so both say it.
    ...(routes === '' ? [] : [`${tag},option:classless-static-route,${routes}`, `${tag},249,${routes}`]),
    // Empty: else dnsmasq would name itself as the router.
    `${tag},option:router${subnet.gatewayIp === null ? '' : `,${subnet.gatewayIp}`}`,
    ...(dns.length === 0 ? [] : [`${tag},option:dns-server,${dns.join(',')}`]),
  ]
}

function classlessRoutes(plan: DnsmasqPlan, subnet: SubnetView, own: string | undefined): string {
  const routes: string[] = []
  if (own !== undefined && plan.metadataSubnets.has(subnet.subnetId))
    routes.push(`${metadataAddress}/32,${own}`)
  for (const { destination, nexthop } of subnet.hostRoutes)
    if (destination !== '0.0.0.0/0') routes.push(`${destination},${nexthop}`)
  // Other subnets of the network are on the same wire.
  for (const other of plan.network.subnets)
    if (other.ipVersion === 4 && other.subnetId !== subnet.subnetId)
      routes.push(`${formatCidr(cidr(other.cidr))},0.0.0.0`)
  const given = subnet.hostRoutes.find(({ destination }) => destination === '0.0.0.0/0')?.nexthop
  const gateway = given ?? subnet.gatewayIp
  if (gateway !== null && routes.length > 0) routes.push(`0.0.0.0/0,${gateway}`)
  return routes.join(',')
}

function hostOptions(host: DhcpHost): string[] {
  return safeOptions(host).map(({ name, value, ipVersion }) => {
    const option = /^\d+$/.test(name) ? name : `${ipVersion === 6 ? 'option6' : 'option'}:${name}`
    return `tag:${portTag(host.portId)},${option}${value === null ? '' : `,${value}`}`
  })
}

/** Users write these; one with a line's end in it would be two lines of dnsmasq's file. */
function safeOptions(host: DhcpHost): DhcpHost['options'] {
  return host.options.filter(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not come through
    ({ name, value }) => /^[a-z0-9-]{1,64}$/i.test(name) && !/[\x00-\x1f\x7f]/.test(value ?? ''),
  )
}

const subnetTag = (subnetId: string) => `subnet-${subnetId}`
const portTag = (portId: string) => `port-${portId}`

/**
 * What is left of a lease file when only these hosts may keep theirs: an address that another port has now must not be
 * held for the old one. `undefined` where nothing is to go.
 */
export function keptLeases(leases: string, hosts: readonly DhcpHost[]): string | undefined {
  const pairs = new Set(
    hosts.flatMap((host) => host.fixedIps.map(({ ipAddress }) => `${host.mac} ${ipAddress}`)),
  )
  const addresses = new Set(hosts.flatMap((host) => host.fixedIps.map(({ ipAddress }) => ipAddress)))
  let dropped = false
  // "expiry mac address name client-id"; of version 6 "expiry iaid address name duid", after a line "duid ...".
  const lines = leases.split('\n').filter((line) => {
    const [, hardware, address] = line.split(' ')
    if (hardware === undefined || address === undefined) return true
    const keep = address.includes(':') ? addresses.has(address) : pairs.has(`${hardware} ${address}`)
    dropped ||= !keep
    return keep
  })
  return dropped ? lines.join('\n') : undefined
}
