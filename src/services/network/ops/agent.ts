// Agents as the API shows and changes them, and what they serve.
import { agentTypes } from '#contracts/network-agent.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { NetworkApp } from '../app.ts'
import type { Agent, agentAttributes, WholeAgent } from '../resources/agent.ts'
import type { UpdateOf } from '../resources/attribute.ts'
import type { Network } from '../resources/network.ts'
import type { Router } from '../resources/router.ts'
import * as store from '../store/agent.ts'
import { findRouter } from '../store/router.ts'
import { isAlive } from './alive.ts'
import { noteHostMoved } from './binding.ts'
import { noteDhcp, type Work } from './change.ts'
import { bindDhcp, releaseDhcpPort, scheduleDhcp, unscheduleDhcp } from './dhcp.ts'
import { bindRouter, scheduleRouter, unbindRouter } from './router-schedule.ts'

export function agentNotFound(id: string): CloudError {
  return new CloudError('notFound', `Agent ${id} could not be found.`, { type: 'AgentNotFound' })
}

export const wholeAgents = (app: NetworkApp, rows: readonly Agent[]): WholeAgent[] =>
  rows.map((row) => ({ ...row, alive: isAlive(app, row) }))

/** One that is switched off keeps what it serves, and is given nothing more. */
export async function updateAgent(
  work: Work,
  row: Agent,
  given: UpdateOf<typeof agentAttributes>,
): Promise<Agent> {
  await store.updateAgent(work.tx, row.id, given)
  work.changes.hosts.add(row.host)
  const served = await store.dhcpBindingsOfAgents(work.tx, [row.id])
  for (const { networkId } of served) noteDhcp(work.changes, networkId)
  return { ...row, ...given }
}

/** What it served goes to another agent where there is one. */
export async function deleteAgent(work: Work, row: Agent): Promise<void> {
  const { tx } = work
  for (const { networkId } of await store.dhcpBindingsOfAgents(tx, [row.id]))
    if (!(await scheduleDhcp(work, networkId, row.id))) await unscheduleDhcp(work, networkId)
  for (const { routerId } of await store.routerBindingsOfAgents(tx, [row.id])) {
    const router = await findRouter(tx, routerId)
    if (router && !(await scheduleRouter(work, router, row.id))) await unbindRouter(work, routerId, row)
  }
  await store.deleteAgent(tx, row.id)
  // A host that is gone for good is nobody's peer any more: nothing comes in from it by a tunnel.
  if (row.agentType === agentTypes.l2.agentType) await noteHostMoved(work, row.host)
}

/** From the agent that had it, if any: it never has two. */
export async function giveRouter(work: Work, row: Agent, router: Router): Promise<void> {
  if (row.agentType !== agentTypes.l3.agentType || !row.adminStateUp)
    throw unfit(`Agent ${row.id} is not a L3 Agent or has been disabled`, 'InvalidL3Agent')
  const serving = await store.routerAgentOf(work.tx, router.id)
  if (serving?.id !== row.id) await bindRouter(work, router.id, row, serving)
}

export async function takeRouter(work: Work, row: Agent, router: Router): Promise<void> {
  const serving = await store.routerAgentOf(work.tx, router.id)
  if (serving?.id !== row.id)
    throw new CloudError('conflict', `The router ${router.id} is not hosted by L3 agent ${row.id}.`, {
      type: 'RouterNotHostedByL3Agent',
    })
  await unbindRouter(work, router.id, row)
}

export async function giveNetwork(work: Work, row: Agent, network: Network): Promise<void> {
  if (row.agentType !== agentTypes.dhcp.agentType || !row.adminStateUp)
    throw unfit(`Agent ${row.id} is not a valid DHCP Agent or has been disabled.`, 'InvalidDHCPAgent')
  const serving = await store.dhcpAgentOf(work.tx, network.id)
  if (serving?.id !== row.id) await bindDhcp(work, network.id, row)
}

export async function takeNetwork(work: Work, row: Agent, network: Network): Promise<void> {
  const serving = await store.dhcpAgentOf(work.tx, network.id)
  if (serving?.id !== row.id)
    throw new CloudError('conflict', `The network ${network.id} is not hosted by the DHCP agent ${row.id}.`, {
      type: 'NetworkNotHostedByDhcpAgent',
    })
  await releaseDhcpPort(work, row.host, network.id)
  await unscheduleDhcp(work, network.id)
}

function unfit(message: string, type: string): CloudError {
  return new CloudError('notFound', message, { type })
}
