// One security group rule as OpenFlow matches. Pure.
// Protocol numbers are IANA's; OVS has names for those whose ports it can match.
import type { PortRule } from '#contracts/network-agent.ts'
import { parseCidr } from '#kit/net/cidr.ts'

type Ethertype = PortRule['ethertype']

/** Value and mask pairs that together are exactly `min` to `max`: OpenFlow has no ranges. */
export function portMasks(min: number, max: number): string[] {
  const masks: string[] = []
  let from = min
  while (from <= max) {
    let bits = 0
    while (bits < 16 && from % 2 ** (bits + 1) === 0 && from + 2 ** (bits + 1) - 1 <= max) bits++
    const mask = 0xffff & ~(2 ** bits - 1)
    masks.push(bits === 0 ? String(from) : `0x${from.toString(16)}/0x${mask.toString(16)}`)
    from += 2 ** bits
  }
  return masks
}

/** The rule's protocol and ports, without its remote side: one match or, for a port range, several. */
export function protocolMatches(rule: PortRule): string[] {
  const six = rule.ethertype === 'IPv6'
  const { portMin, portMax } = rule
  // The API's 'icmp' means ICMPv6 in a rule for IPv6.
  const protocol = six && rule.protocol === 1 ? 58 : rule.protocol
  if (protocol === null) return [six ? 'ipv6' : 'ip']
  if ((protocol === 1 && !six) || (protocol === 58 && six)) {
    const type = portMin === null ? '' : `,icmp_type=${portMin}`
    const code = portMin === null || portMax === null ? '' : `,icmp_code=${portMax}`
    return [`${six ? 'icmp6' : 'icmp'}${type}${code}`]
  }
  const name = { 6: 'tcp', 17: 'udp', 132: 'sctp' }[protocol]
  if (!name) return [`${six ? 'ipv6' : 'ip'},nw_proto=${protocol}`]
  const match = six ? `${name}6` : name
  if (portMin === null && portMax === null) return [match]
  return portMasks(portMin ?? 0, portMax ?? 65535).map((ports) => `${match},tp_dst=${ports}`)
}

/** '' matches all; undefined where the prefix is of the other IP version, so that nothing can match. */
export function remoteMatch(
  direction: PortRule['direction'],
  ethertype: Ethertype,
  prefix: string,
): string | undefined {
  const net = parseCidr(prefix)
  if (!net || (net.version === 6) !== (ethertype === 'IPv6')) return undefined
  if (net.prefix === 0) return ''
  const side = direction === 'ingress' ? 'src' : 'dst'
  return net.version === 6 ? `ipv6_${side}=${prefix}` : `nw_${side}=${prefix}`
}
