// Whether the switches of two hosts pass a packet from one port to another: the same questions as the real flows ask, in
// the same order. What programs and routers make of it is not asked here.
import type { HostWiring, PortRule, PortWiring } from '#contracts/network-agent.ts'
import { linkLocalOf } from '#kit/net/mac.ts'
import { covers, interfaceOf } from './command.ts'
import type { SimFabric, SimHost } from './state.ts'

export type Place = { host: SimHost; port: PortWiring }

export type Frame = {
  protocol: 'icmp' | 'tcp' | 'udp'
  /** Of TCP and UDP. */
  port?: number
  sourceIp: string
  sourceMac: string
  targetIp: string
  /** Belongs to a connection whose beginning was let through. */
  established: boolean
}

const protocolNumber = { icmp: 1, tcp: 6, udp: 17 } as const

/** 'ok', or why it would be dropped. */
export function passes(fabric: SimFabric, from: Place, to: Place, frame: Frame): string {
  const may = mayLeave(from, frame)
  if (may !== 'ok') return may
  const way = joined(fabric, from, to)
  if (way !== 'ok') return way
  if (isSecured(to.port) && !frame.established && !ruled(to, 'ingress', frame.sourceIp, frame))
    return 'no ingress rule of the receiver allows it'
  return 'ok'
}

/** What the sender's own switch says, whoever it is for. */
export function mayLeave(from: Place, frame: Frame): string {
  if (!isSecured(from.port)) return 'ok'
  if (!mayUse(from.port, frame.sourceMac, frame.sourceIp)) return 'the sender may not use that address'
  if (!frame.established && !ruled(from, 'egress', frame.targetIp, frame))
    return 'no egress rule of the sender allows it'
  return 'ok'
}

/** Whether the two hosts share the wire of the network. */
export function joined(fabric: SimFabric, from: Place, to: Place): string {
  if (from.host === to.host) return 'ok'
  if (fabric.isCut(from.host.name, to.host.name)) return 'the link between the two hosts is cut'
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
  if (mac === port.mac && port.fixedIps.some(({ ipAddress }) => ipAddress === ip)) return true
  const pairs = [...port.allowedAddressPairs, { ipAddress: linkLocalOf(port.mac), macAddress: port.mac }]
  return pairs.some((pair) => (pair.macAddress || port.mac) === mac && covers(pair.ipAddress, ip))
}

function ruled(place: Place, direction: PortRule['direction'], remoteIp: string, frame: Frame): boolean {
  const ethertype = remoteIp.includes(':') ? 'IPv6' : 'IPv4'
  const icmp = ethertype === 'IPv6' ? 58 : 1
  const wanted = frame.protocol === 'icmp' ? icmp : protocolNumber[frame.protocol]
  return place.port.securityRules.some((rule) => {
    if (rule.direction !== direction || rule.ethertype !== ethertype) return false
    const protocol = rule.protocol === 1 && ethertype === 'IPv6' ? 58 : rule.protocol
    if (protocol !== null && protocol !== wanted) return false
    if (frame.protocol === 'icmp') {
      if (rule.portMin !== null && rule.portMin !== (ethertype === 'IPv6' ? 128 : 8)) return false
    } else if (rule.portMin !== null || rule.portMax !== null) {
      const port = frame.port ?? 0
      if (port < (rule.portMin ?? 0) || port > (rule.portMax ?? 65535)) return false
    }
    return allowsRemote(place.host.wiring!, rule, remoteIp)
  })
}

function allowsRemote(wiring: HostWiring, rule: PortRule, ip: string): boolean {
  if (rule.remoteGroupId !== null) return isMember(wiring.remoteGroups[rule.remoteGroupId], ip)
  return rule.remotePrefix === null || covers(rule.remotePrefix, ip)
}

/** Members of a group are one list for all hosts of the process, which nobody changes: its set is made once. */
const groups = new WeakMap<readonly string[], { single: Set<string>; prefixes: string[] }>()

function isMember(members: readonly string[] | undefined, ip: string): boolean {
  if (!members) return false
  let group = groups.get(members)
  if (!group) {
    const isSingle = (text: string) => interfaceOf(text)?.prefix === (text.includes(':') ? 128 : 32)
    group = {
      single: new Set(members.filter(isSingle).map((text) => text.replace(/\/\d+$/, ''))),
      prefixes: members.filter((text) => !isSingle(text)),
    }
    groups.set(members, group)
  }
  return group.single.has(ip) || group.prefixes.some((prefix) => covers(prefix, ip))
}
