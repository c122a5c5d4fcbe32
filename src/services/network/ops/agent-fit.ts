// Which agents can do what they would be given: a host serves a router or DHCP only on networks that its switch reaches.
import { agentTypes } from '#contracts/network-agent.ts'
import type { Agent } from '../resources/agent.ts'
import type { Network } from '../resources/network.ts'
import * as agents from '../store/agent.ts'
import { findNetworks } from '../store/network.ts'
import { canWire } from './binding.ts'
import type { Work } from './change.ts'

/**
 * Those whose host reaches all of the networks; all of them where none does, for then the ports say what is missing
 * (binding_failed) and are tried again when a host can do more.
 */
export async function fittingAgents(
  { tx }: Work,
  candidates: readonly Agent[],
  networkIds: readonly string[],
): Promise<readonly Agent[]> {
  if (candidates.length === 0 || networkIds.length === 0) return candidates
  const networks = await findNetworks(tx, [...new Set(networkIds)])
  const switches = new Map(
    (await agents.listAgents(tx, agentTypes.l2.agentType)).map((each) => [each.host, each]),
  )
  const fitting = candidates.filter(({ host }) => reachesAll(switches.get(host), networks))
  return fitting.length > 0 ? fitting : candidates
}

function reachesAll(agent: Agent | undefined, networks: readonly Network[]): boolean {
  return agent !== undefined && networks.every((network) => canWire(agent, network))
}
