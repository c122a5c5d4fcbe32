// What the flow builders are given: the desired wiring joined with what the switch has.
import type { PortWiring } from '#contracts/network-agent.ts'
import type { TunnelType } from '../../driver.ts'

export type PlannedPort = { wiring: PortWiring; ofport: number; localVlan: number }

export type PlannedNetwork = {
  networkId: string
  localVlan: number
  type: PortWiring['networkType']
  physicalNetwork: string | null
  segmentationId: number | null
  /** Tunnel addresses of the hosts that hold ports of it, too. */
  peers: string[]
}

/** On the host at the tunnel's other end. */
export type PlannedRemote = { networkId: string; mac: string; ipAddresses: string[]; peer: string }

export type PlannedTunnel = { type: TunnelType; peer: string; ofport: number }

export type Plan = {
  ports: PlannedPort[]
  networks: PlannedNetwork[]
  /** OpenFlow numbers of br-int's ends of the patches. */
  patches: { tunnel?: number; physical: Record<string, number> }
  remoteGroups: Record<string, string[]>
}

/** Ports of agents carry everybody's traffic, and a user may turn port security off. */
export function isSecured(wiring: PortWiring): boolean {
  return wiring.portSecurityEnabled && !wiring.deviceOwner.startsWith('network:')
}

/** The OpenFlow number of a network's way off the host; undefined where it has none. */
export function uplinkOf(plan: Plan, network: PlannedNetwork): number | undefined {
  if (network.type === 'vxlan' || network.type === 'gre') return plan.patches.tunnel
  if (network.type === 'local' || network.physicalNetwork === null) return undefined
  return plan.patches.physical[network.physicalNetwork]
}
