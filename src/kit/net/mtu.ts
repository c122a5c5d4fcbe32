// The largest packet that a network of each type carries, from what the wire below it carries.
// VXLAN adds 50 bytes (14 inner Ethernet + 8 VXLAN + 8 UDP + 20 IPv4), GRE with a key 42 (14 + 8 + 20).

export type NetworkType = 'flat' | 'vlan' | 'vxlan' | 'gre' | 'local'

const tunnelOverhead = { vxlan: 50, gre: 42 } as const
/** IPv6 underlays have 20 bytes more in the outer header. */
const outerIpv6Extra = 20

/** `wireMtu`: of the physical network or the tunnel's underlay, in bytes. */
export function mtuOf(type: NetworkType, wireMtu = 1500, underlayVersion: 4 | 6 = 4): number {
  if (type !== 'vxlan' && type !== 'gre') return wireMtu
  return wireMtu - tunnelOverhead[type] - (underlayVersion === 6 ? outerIpv6Extra : 0)
}
