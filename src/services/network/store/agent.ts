// SQL of agents and of what they serve.
import type { Db } from '#kit/db/database.ts'
import { type Agent, agent, networkDhcpAgent } from '../resources/agent.ts'
import { routerL3Agent } from '../resources/router.ts'

export const findAgent = (db: Db, id: string) => agent.get(db, id)
export const findAgentOf = (db: Db, agentType: string, host: string) => agent.first(db, { agentType, host })
export const listAgents = (db: Db, agentType: string) => agent.find(db, { agentType })
export const insertAgent = (db: Db, row: Agent) => agent.insertIfAbsent(db, row)
export const updateAgent = (db: Db, id: string, change: Partial<Agent>) => agent.update(db, { id }, change)

export async function deleteAgent(db: Db, id: string): Promise<void> {
  await networkDhcpAgent.delete(db, { agentId: id })
  await routerL3Agent.delete(db, { agentId: id })
  await agent.delete(db, { id })
}

export async function dhcpAgentOf(db: Db, networkId: string): Promise<Agent | undefined> {
  const binding = await networkDhcpAgent.get(db, networkId)
  return binding && agent.get(db, binding.agentId)
}
export const dhcpHostOf = async (db: Db, networkId: string) => (await dhcpAgentOf(db, networkId))?.host
export const dhcpBindingsOfAgents = (db: Db, agentIds: string[]) =>
  networkDhcpAgent.find(db, { agentId: agentIds })
export const insertDhcpBinding = (db: Db, networkId: string, agentId: string) =>
  networkDhcpAgent.insertIfAbsent(db, { networkId, agentId })
export const deleteDhcpBinding = (db: Db, networkId: string) => networkDhcpAgent.delete(db, { networkId })

export async function routerAgentOf(db: Db, routerId: string): Promise<Agent | undefined> {
  const binding = await routerL3Agent.get(db, routerId)
  return binding && agent.get(db, binding.agentId)
}
export const routerHostOf = async (db: Db, routerId: string) => (await routerAgentOf(db, routerId))?.host
export const routerBindingsOfAgents = (db: Db, agentIds: string[]) =>
  routerL3Agent.find(db, { agentId: agentIds })
export const insertRouterBinding = (db: Db, routerId: string, agentId: string) =>
  routerL3Agent.insertIfAbsent(db, { routerId, agentId })
export const deleteRouterBinding = (db: Db, routerId: string) => routerL3Agent.delete(db, { routerId })

/** Networks with a DHCP subnet that no agent serves. */
export async function networksWithoutDhcpAgent(db: Db): Promise<string[]> {
  const rows = await db.sql
    .selectFrom('subnet')
    .leftJoin('network_dhcp_agent', 'network_dhcp_agent.network_id', 'subnet.network_id')
    .select('subnet.network_id')
    .distinct()
    .where('subnet.enable_dhcp', '=', true)
    .where('network_dhcp_agent.agent_id', 'is', null)
    .execute()
  return rows.map((row) => String(row.network_id))
}

export async function routersWithoutAgent(db: Db): Promise<string[]> {
  const rows = await db.sql
    .selectFrom('router')
    .leftJoin('router_l3_agent', 'router_l3_agent.router_id', 'router.id')
    .select('router.id')
    .where('router_l3_agent.agent_id', 'is', null)
    .execute()
  return rows.map((row) => String(row.id))
}
