// Whether a packet would get from one port to an address: the same questions as the real flows ask, in the same order.
import type { HostWiring, PortRule, PortWiring } from '#contracts/network-agent.ts'
import { parseAddress } from '#kit/net/address.ts'
import { cidrHas, parseCidr } from '#kit/net/cidr.ts'
import { linkLocalOf } from '#kit/net/mac.ts'
import { type SimFabric, type SimHost, wiredPort } from './state.ts'

export type SimPacket = {
  fromPort: string
  toIp: string
  protocol: 'icmp' | 'tcp' | 'udp'
  /** Of TCP and UDP. */
  port?: number
  /** What a guest that lies would write; by default its port's own. */
  asIp?: string
  asMac?: string
}

const protocolNumber = { icmp: 1, tcp: 6, udp: 17 } as const

/** 'ok', or why it would be dropped. */
export function reach(fabric: SimFabric, packet: SimPacket): string {
  const from = locate(fabric, packet.fromPort)
  if (!from) return 'the sender is not wired'
  const six = packet.toIp.includes(':')
  const own = from.port.fixedIps.map(({ ipAddress }) => ipAddress).find((ip) => ip.includes(':') === six)
  const sourceIp = packet.asIp ?? own
  if (sourceIp === undefined) return 'the sender has no address of that version'
  const sourceMac = packet.asMac ?? from.port.mac
  if (isSecured(from.port) && !mayUse(from.port, sourceMac, sourceIp))
    return 'the sender may not use that address'

  const to = findAddress(fabric, from.port.networkId, packet.toIp)
  if (!to) return 'nobody has that address on the network'
  const way = joined(from, to)
  if (way !== 'ok') return way
  if (isSecured(from.port) && !ruled(from, 'egress', packet.toIp, packet))
    return 'no egress rule of the sender allows it'
  if (isSecured(to.port) && !ruled(to, 'ingress', sourceIp, packet))
    return 'no ingress rule of the receiver allows it'
  return 'ok'
}

type Place = { host: SimHost; port: PortWiring }

function locate(fabric: SimFabric, portId: string): Place | undefined {
  for (const host of fabric.hosts.values()) {
    const port = wiredPort(host, portId)
    if (port) return { host, port }
  }
  return undefined
}

function findAddress(fabric: SimFabric, networkId: string, ip: string): Place | undefined {
  for (const host of fabric.hosts.values()) {
    for (const { portId } of host.wiring?.ports ?? []) {
      const port = wiredPort(host, portId)
      if (port?.networkId === networkId && port.fixedIps.some(({ ipAddress }) => ipAddress === ip))
        return { host, port }
    }
  }
  return undefined
}

function joined(from: Place, to: Place): string {
  if (from.host === to.host) return 'ok'
  const { networkType, physicalNetwork } = from.port
  if (networkType === 'local') return 'the network is local to each host'
  if (networkType === 'vxlan' || networkType === 'gre') {
    const here = from.host.prepared.tunnel
    const there = to.host.prepared.tunnel
    const meet =
      here?.types.includes(networkType) &&
      there?.types.includes(networkType) &&
      from.port.tunnelPeers.includes(there.localIp) &&
      to.port.tunnelPeers.includes(here.localIp)
    return meet ? 'ok' : 'no tunnel joins the two hosts'
  }
  const cabled = [from, to].every(
    ({ host }) => host.prepared.physicalNetworks[physicalNetwork ?? '']?.uplink !== undefined,
  )
  return cabled ? 'ok' : 'a host has no uplink to the physical network'
}

function isSecured(port: PortWiring): boolean {
  return port.portSecurityEnabled && !port.deviceOwner.startsWith('network:')
}

function mayUse(port: PortWiring, mac: string, ip: string): boolean {
  const pairs = [
    ...port.fixedIps.map(({ ipAddress }) => ({ ipAddress, macAddress: port.mac })),
    ...port.allowedAddressPairs,
    { ipAddress: linkLocalOf(port.mac), macAddress: port.mac },
  ]
  return pairs.some((pair) => (pair.macAddress || port.mac) === mac && within(pair.ipAddress, ip))
}

function ruled(place: Place, direction: PortRule['direction'], remoteIp: string, packet: SimPacket): boolean {
  const ethertype = remoteIp.includes(':') ? 'IPv6' : 'IPv4'
  const icmp = ethertype === 'IPv6' ? 58 : 1
  const wanted = packet.protocol === 'icmp' ? icmp : protocolNumber[packet.protocol]
  return place.port.securityRules.some((rule) => {
    if (rule.direction !== direction || rule.ethertype !== ethertype) return false
    const protocol = rule.protocol === 1 && ethertype === 'IPv6' ? 58 : rule.protocol
    if (protocol !== null && protocol !== wanted) return false
    if (packet.protocol === 'icmp') {
      if (rule.portMin !== null && rule.portMin !== (ethertype === 'IPv6' ? 128 : 8)) return false
    } else if (rule.portMin !== null || rule.portMax !== null) {
      const port = packet.port ?? 0
      if (port < (rule.portMin ?? 0) || port > (rule.portMax ?? 65535)) return false
    }
    return remotesOf(place.host.wiring!, rule).some((remote) => within(remote, remoteIp))
  })
}

function remotesOf(wiring: HostWiring, rule: PortRule): string[] {
  if (rule.remoteGroupId !== null) return wiring.remoteGroups[rule.remoteGroupId] ?? []
  return [rule.remotePrefix ?? (rule.ethertype === 'IPv6' ? '::/0' : '0.0.0.0/0')]
}

function within(prefix: string, ip: string): boolean {
  const net = parseCidr(prefix)
  const address = parseAddress(ip)
  return net !== undefined && address !== undefined && cidrHas(net, address)
}
