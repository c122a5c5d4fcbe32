// Flows of the underlay's bridge: of all that the card hears, tunnels to this host and answers to the switch's own ARP go
// to the bridge's device, where the switch in user space looks for both; everything else is the kernel's alone.
import type { TunnelType } from '../../driver.ts'
import type { Flow } from './flow.ts'

const ends: Record<TunnelType, string> = { vxlan: 'udp,tp_dst=4789', gre: 'ip,nw_proto=47' }

/** `card` is the card's number at the bridge. */
export function underlayFlows(localIp: string, types: readonly TunnelType[], card: number): Flow[] {
  const listen = (match: string): Flow => ({
    table: 0,
    priority: 10,
    match: `in_port=${card},${match}`,
    actions: 'LOCAL',
  })
  return [
    ...types.map((type) => listen(`${ends[type]},nw_dst=${localIp}`)),
    listen(`arp,arp_op=2,arp_tpa=${localIp}`),
    { table: 0, priority: 5, match: `in_port=${card}`, actions: 'drop' },
    // The switch's own questions for the hardware addresses of its peers, and tunnels: they come as if by the bridge's
    // device, with what is inside them in the fields of the flow, so nothing there can be told apart from them.
    { table: 0, priority: 1, match: '', actions: `output:${card}` },
  ]
}
