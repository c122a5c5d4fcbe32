// Binding of a port to a host: whether the host's agent can wire the network, and what compute should plug.
import { agentTypes } from '#contracts/network-agent.ts'
import type { Agent } from '../resources/agent.ts'
import type { Network } from '../resources/network.ts'
import type { Port, VifType } from '../resources/port.ts'
import * as agents from '../store/agent.ts'
import * as networks from '../store/network.ts'
import * as ports from '../store/port.ts'
import { isAlive } from './alive.ts'
import { noteDhcp, notePort, type Work } from './change.ts'

export type Binding = { vifType: VifType; vifDetails: Record<string, unknown> }

export async function bindingFor(
  work: Work,
  network: Pick<Network, 'networkType' | 'physicalNetwork'>,
  host: string,
): Promise<Binding> {
  if (host === '') return { vifType: 'unbound', vifDetails: {} }
  const agent = await agents.findAgentOf(work.tx, agentTypes.l2.agentType, host)
  return agent && isAlive(work.app, agent) ? bindingBy(agent, network) : failedBinding
}

const failedBinding: Binding = { vifType: 'binding_failed', vifDetails: {} }

function bindingBy(agent: Agent, network: Pick<Network, 'networkType' | 'physicalNetwork'>): Binding {
  if (!canWire(agent, network)) return failedBinding
  const { configurations } = agent
  return {
    vifType: 'ovs',
    vifDetails: {
      connectivity: 'l2',
      port_filter: true,
      ovs_hybrid_plug: false,
      datapath_type: String(configurations.datapath_type ?? 'system'),
      bridge_name: String(configurations.integration_bridge ?? 'br-int'),
      bound_drivers: { '0': 'openvswitch' },
    },
  }
}

export function canWire(agent: Agent, network: Pick<Network, 'networkType' | 'physicalNetwork'>): boolean {
  const { bridge_mappings: mappings, tunnel_types: tunnels } = agent.configurations
  if (network.networkType === 'local') return true
  if (network.networkType === 'flat' || network.networkType === 'vlan')
    return typeof mappings === 'object' && mappings !== null && network.physicalNetwork! in mappings
  return Array.isArray(tunnels) && tunnels.includes(network.networkType)
}

/** Its ports on other hosts are reached through tunnels. */
export function isTunnelled({ networkType }: Pick<Network, 'networkType'>): boolean {
  return networkType === 'vxlan' || networkType === 'gre'
}

/** The port has come to `after` from `before`, each a host or empty: both look again, and so does who sends to them. */
export function noteMove(
  { changes }: Work,
  network: Pick<Network, 'id' | 'networkType'>,
  portId: string,
  before: string,
  after: string,
): void {
  for (const host of [before, after]) {
    if (host === '') continue
    changes.hosts.add(host)
    if (isTunnelled(network)) notePort(changes.located, network.id, portId)
  }
}

/** The host is reached at another address, or not at all any more. */
export async function noteHostMoved({ tx, changes }: Work, host: string): Promise<void> {
  const rows = await ports.portsOfHost(tx, host)
  const found = await networks.findNetworks(tx, [...new Set(rows.map((row) => row.networkId))])
  const tunnelled = new Set(found.filter(isTunnelled).map(({ id }) => id))
  for (const row of rows) if (tunnelled.has(row.networkId)) notePort(changes.located, row.networkId, row.id)
}

/** Moves a port of the network service itself to the host of its new agent. */
export async function moveToHost(
  work: Work,
  row: Port,
  host: string,
  more: Partial<Port> = {},
): Promise<Port> {
  const { tx, changes } = work
  const network = (await networks.findNetwork(tx, row.networkId))!
  const binding = await bindingFor(work, network, host)
  const change: Partial<Port> = {
    ...more,
    ...binding,
    hostId: host,
    ...(host !== row.hostId && { wired: false, status: 'DOWN' as const }),
    revision: row.revision + 1,
    updatedAt: work.app.world.clock.now(),
  }
  noteMove(work, network, row.id, row.hostId, host)
  await ports.updatePort(tx, row.id, change)
  changes.ports.add(row.id)
  noteDhcp(changes, row.networkId)
  return { ...row, ...change }
}

/** The host's agent came, or can do more than before: ports that could not be bound are tried again. */
export async function rebindFailed(work: Work, host: string): Promise<void> {
  const { tx, changes } = work
  for (const row of await ports.portsOfHost(tx, host)) {
    if (row.vifType !== 'binding_failed') continue
    const network = (await networks.findNetwork(tx, row.networkId))!
    const binding = await bindingFor(work, network, host)
    if (binding.vifType === 'binding_failed') continue
    await ports.updatePort(tx, row.id, { ...binding, revision: row.revision + 1 })
    changes.ports.add(row.id)
  }
}

/**
 * The host's agent has wired the port, so that it lives: a clock that was wrong may have said otherwise when the port was
 * bound, and no later heart-beat shows that.
 */
export async function rebindWired({ tx, changes }: Work, row: Port): Promise<void> {
  if (row.vifType !== 'binding_failed') return
  const agent = await agents.findAgentOf(tx, agentTypes.l2.agentType, row.hostId)
  const network = await networks.findNetwork(tx, row.networkId)
  if (!agent || !network) return
  await ports.updatePort(tx, row.id, { ...bindingBy(agent, network), revision: row.revision + 1 })
  changes.ports.add(row.id)
}
