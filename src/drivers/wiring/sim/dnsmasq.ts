// dnsmasq as far as guests see it, from the command line and the files that the DHCP and L3 agents wrote: leases with
// their options, and router advertisements. Options: https://thekelleys.org.uk/dnsmasq/docs/dnsmasq-man.html
// DHCPv6 is left out: simulated guests take IPv6 addresses from advertisements alone.
import type { DhcpMessage, DhcpReply } from '#contracts/simulated-card.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { parseAddress } from '#kit/net/address.ts'
import { type Cidr, cidrHas, parseCidr } from '#kit/net/cidr.ts'
import { linkLocalOf } from '#kit/net/mac.ts'
import { type DhcpOptions, readOptions, replyOptions } from './dhcp-option.ts'
import { openLeases } from './lease.ts'
import type { Program, ProgramPlace } from './process.ts'
import { bare, type SimPort } from './state.ts'

type Range = { tag: string; net: Cidr; leaseS: number }
type Known = { mac: string; tags: string[]; name: string; address: string }

const flagPattern = /^--([a-z0-9-]+)(?:=(.*))?$/s
/** All that the agents write; another one is a mistake that dnsmasq would complain of. */
const knownFlags = new Set(
  `keep-in-foreground no-hosts strict-order no-resolv server pid-file dhcp-hostsfile addn-hosts dhcp-optsfile dhcp-leasefile
  local-service bind-dynamic dhcp-range dhcp-option-force dhcp-lease-max conf-file domain local interface except-interface
  quiet-dhcp quiet-dhcp6 quiet-ra log-facility user port leasefile-ro enable-ra ra-param dhcp-option`.split(
    /\s+/,
  ),
)

export async function startDnsmasq({ host, args, alive }: ProgramPlace): Promise<Program> {
  const { world } = host
  const flags = readFlags(args)
  const one = (name: string) => flags.get(name)?.[0]
  const interfaces = new Set(flags.get('interface') ?? [])
  const ranges = (flags.get('dhcp-range') ?? []).flatMap((text) => readRange(text) ?? [])
  const domain = one('domain')
  let hosts = new Map<string, Known[]>()
  let options: DhcpOptions = []
  const forced = (flags.get('dhcp-option-force') ?? []).join('\n')

  const readFiles = async () => {
    const [hostText, optionText] = await Promise.all([
      read(one('dhcp-hostsfile')),
      read(one('dhcp-optsfile')),
    ])
    hosts = readHosts(hostText)
    options = readOptions(`${forced}\n${optionText}`)
  }
  const read = async (path: string | undefined) =>
    path !== undefined && (await world.files.exists(path)) ? world.files.readText(path) : ''
  await readFiles()
  const leases = await openLeases(world, one('dhcp-leasefile'), alive)

  /** What is meant for the card, in a subnet that is served here. */
  const meant = (mac: string): { known: Known; range: Range } | undefined => {
    for (const known of hosts.get(mac) ?? []) {
      const ip = parseAddress(known.address)
      const range = ip && ranges.find(({ net }) => cidrHas(net, ip))
      if (range) return { known, range }
    }
    return undefined
  }

  const dhcp = (device: SimPort, mac: string, message: DhcpMessage): DhcpReply | undefined => {
    if (!interfaces.has(device.device)) return undefined
    const found = meant(mac)
    const server = found && addressIn(device, found.range.net)
    if (!found || !server) return undefined
    const { known, range } = found
    if (message.kind === 'request' && message.server !== server) return undefined
    const reply = {
      address: known.address,
      prefix: range.net.prefix,
      server,
      leaseS: range.leaseS,
      ...replyOptions(options, [range.tag, ...known.tags], server),
      ...(domain !== undefined && { domain }),
      hostname: known.name.split('.')[0]!,
    }
    // As long as another card holds it, it is not given away.
    const holder = leases.holder(known.address)
    if (holder !== undefined && holder !== mac) return undefined
    if (message.kind === 'discover') return { kind: 'offer', ...reply }
    if (message.address !== known.address) return { kind: 'nak', ...reply }
    leases.give({ mac, address: known.address, name: reply.hostname, seconds: range.leaseS })
    return { kind: 'ack', ...reply }
  }

  return {
    dhcp,
    reload: readFiles,
    ...(flags.has('enable-ra') && {
      advertisements: (device) => advertisements(flags, interfaces, device),
    }),
  }
}

function advertisements(
  flags: ReadonlyMap<string, string[]>,
  interfaces: ReadonlySet<string>,
  device: SimPort,
) {
  if (!interfaces.has(device.device)) return []
  const dnsServers = (flags.get('dhcp-option') ?? []).flatMap((text) => {
    const match = /^tag:([^,]+),option6:dns-server,(.*)$/.exec(text)
    return match?.[1] === device.device ? match[2]!.split(',').map((each) => each.replace(/[[\]]/g, '')) : []
  })
  return (flags.get('dhcp-range') ?? []).flatMap((text) => {
    const [prefix, mode, length] = text.split(',')
    const net = parseCidr(`${prefix}/${length}`)
    // 'static' announces the prefix for DHCPv6 alone.
    if (!net || mode === 'static' || addressIn(device, net) === undefined) return []
    return [{ prefix: `${prefix}/${length}`, router: linkLocalOf(device.identity.mac), dnsServers }]
  })
}

function readFlags(args: readonly string[]): Map<string, string[]> {
  const flags = new Map<string, string[]>()
  for (const arg of args) {
    const [, name = '', value = ''] = flagPattern.exec(arg) ?? []
    if (!knownFlags.has(name)) throw new CloudError('badRequest', `bad command line options: ${arg}`)
    flags.set(name, [...(flags.get(name) ?? []), value])
  }
  return flags
}

/** 'set:subnet-1,10.0.0.0,static,255.255.255.0,86400s'; those of version 6 are no business of DHCPv4. */
function readRange(text: string): Range | undefined {
  const match = /^set:([^,]+),([\d.]+),static,([\d.]+),(\d+)s$/.exec(text)
  if (!match) return undefined
  const bits = match[3]!
    .split('.')
    .reduce((sum, byte) => sum + Number(byte).toString(2).replaceAll('0', '').length, 0)
  const net = parseCidr(`${match[2]}/${bits}`)
  return net && { tag: match[1]!, net, leaseS: Number(match[4]) }
}

/** 'fa:16:3e:aa:bb:01,set:port-1,host-10-0-0-5.openstacklocal,10.0.0.5' */
function readHosts(text: string): Map<string, Known[]> {
  const hosts = new Map<string, Known[]>()
  for (const line of text.split('\n')) {
    const [mac, ...words] = line.split(',')
    if (!mac || words.length < 2) continue
    const tags = words.filter((word) => word.startsWith('set:')).map((word) => word.slice(4))
    const [name, address] = words.filter((word) => !word.startsWith('set:'))
    if (name === undefined || address === undefined || address.startsWith('[')) continue
    const known = hosts.get(mac)
    if (known) known.push({ mac, tags, name, address })
    else hosts.set(mac, [{ mac, tags, name, address }])
  }
  return hosts
}

function addressIn(device: SimPort, net: Cidr): string | undefined {
  return device.addresses.map(bare).find((text) => {
    const ip = parseAddress(text)
    return ip !== undefined && cidrHas(net, ip)
  })
}
