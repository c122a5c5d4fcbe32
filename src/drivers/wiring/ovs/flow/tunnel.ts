// Flows of br-tun: local VLAN tags to tunnel ids and back. Tables as Neutron numbers them: 2 from the guests,
// 3 from GRE, 4 from VXLAN, 10 learn who lives behind which tunnel, 20 what was learned and what the network service told,
// 21 answers to ARP, 22 floods.
import { parseAddress } from '#kit/net/address.ts'
import { type Flow, hex } from './flow.ts'
import type { PlannedNetwork, PlannedRemote, PlannedTunnel } from './plan.ts'

const tableOf = { gre: 3, vxlan: 4 } as const
/** Seconds that a learned address is believed without hearing of it again. */
const learnedForS = 300

export type TunnelPlan = {
  networks: readonly PlannedNetwork[]
  tunnels: readonly PlannedTunnel[]
  /** Ports whose host is known; those of others are learned. */
  remotes: readonly PlannedRemote[]
  /** br-tun's end of the patch to br-int. */
  patch: number
  /** Marks what is learned. */
  cookie: string
  arpResponder: boolean
}

export function tunnelFlows({ networks, tunnels, remotes, patch, cookie, arpResponder }: TunnelPlan): Flow[] {
  const flows: Flow[] = [
    flow(0, 1, `in_port=${patch}`, 'resubmit(,2)'),
    ...tunnels.map((tunnel) => flow(0, 1, `in_port=${tunnel.ofport}`, `resubmit(,${tableOf[tunnel.type]})`)),
    flow(0, 0, '', 'drop'),
    flow(2, 0, 'dl_dst=00:00:00:00:00:00/01:00:00:00:00:00', 'resubmit(,20)'),
    flow(2, 0, 'dl_dst=01:00:00:00:00:00/01:00:00:00:00:00', 'resubmit(,22)'),
    flow(3, 0, '', 'drop'),
    flow(4, 0, '', 'drop'),
    flow(10, 1, '', `${learn(cookie)},output:${patch}`),
    flow(20, 0, '', 'resubmit(,22)'),
    flow(22, 0, '', 'drop'),
    ...(arpResponder
      ? [flow(2, 1, 'arp,dl_dst=ff:ff:ff:ff:ff:ff', 'resubmit(,21)'), flow(21, 0, '', 'resubmit(,22)')]
      : []),
  ]
  for (const network of networks) {
    if ((network.type !== 'vxlan' && network.type !== 'gre') || network.segmentationId === null) continue
    const id = hex(network.segmentationId)
    flows.push(
      flow(tableOf[network.type], 1, `tun_id=${id}`, `mod_vlan_vid:${network.localVlan},resubmit(,10)`),
    )
    const ways = tunnels.filter(({ type, peer }) => type === network.type && network.peers.includes(peer))
    if (ways.length === 0) continue
    const outputs = ways.map(({ ofport }) => `output:${ofport}`).join(',')
    flows.push(flow(22, 1, `dl_vlan=${network.localVlan}`, `strip_vlan,set_tunnel:${id},${outputs}`))
    for (const remote of remotes) {
      if (remote.networkId !== network.networkId) continue
      const way = ways.find(({ peer }) => peer === remote.peer)
      if (!way) continue
      // Above what is learned: a port that moved is known at its new host before it says a word there.
      const match = `dl_vlan=${network.localVlan},dl_dst=${remote.mac}`
      flows.push(flow(20, 2, match, `strip_vlan,set_tunnel:${id},output:${way.ofport}`))
      if (arpResponder) flows.push(...answers(network.localVlan, remote))
    }
  }
  return flows
}

/** The question itself becomes the answer and goes back where it came from. */
function answers(localVlan: number, { mac, ipAddresses }: PlannedRemote): Flow[] {
  const number = `0x${mac.replaceAll(':', '')}`
  return ipAddresses.flatMap((ip) => {
    const address = parseAddress(ip)
    if (address?.version !== 4) return []
    const actions = [
      'move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]',
      `mod_dl_src:${mac}`,
      'load:0x2->NXM_OF_ARP_OP[]',
      'move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]',
      'move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]',
      `load:${number}->NXM_NX_ARP_SHA[]`,
      `load:0x${address.value.toString(16)}->NXM_OF_ARP_SPA[]`,
      'IN_PORT',
    ]
    return [flow(21, 1, `arp,arp_op=1,dl_vlan=${localVlan},arp_tpa=${ip}`, actions.join(','))]
  })
}

function learn(cookie: string): string {
  const parts = [
    'table=20',
    `hard_timeout=${learnedForS}`,
    'priority=1',
    `cookie=${cookie}`,
    'NXM_OF_VLAN_TCI[0..11]',
    'NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]',
    'load:0->NXM_OF_VLAN_TCI[]',
    'load:NXM_NX_TUN_ID[]->NXM_NX_TUN_ID[]',
    'output:NXM_OF_IN_PORT[]',
  ]
  return `learn(${parts.join(',')})`
}

/** 'vxlan-0a090002' for 10.9.0.2, as Neutron names them. IPv6 peers are cut to what a port name holds. */
export function tunnelPortName(type: string, peer: string): string {
  if (peer.includes(':')) return `${type}-${peer.replaceAll(':', '').slice(-9)}`
  const hexParts = peer.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))
  return `${type}-${hexParts.join('')}`
}

function flow(table: number, priority: number, match: string, actions: string): Flow {
  return { table, priority, match, actions }
}
