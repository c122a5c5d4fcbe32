// Agents as the API shows and changes them, and what they serve.
import { agentTypes } from '#contracts/network-agent.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { NetworkApp } from '../app.ts'
import type { Agent, agentAttributes, WholeAgent } from '../resources/agent.ts'
import type { UpdateOf } from '../resources/attribute.ts'
import type { Router } from '../resources/router.ts'
import * as store from '../store/agent.ts'
import { findRouter } from '../store/router.ts'
import { isAlive } from './alive.ts'
import { noteDhcp, type Work } from './change.ts'
import { scheduleDhcp, unscheduleDhcp } from './dhcp.ts'
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
}

export async function giveRouter(work: Work, row: Agent, router: Router): Promise<void> {
  const isFit = row.agentType === agentTypes.l3.agentType && row.adminStateUp
  if (!isFit)
    throw new CloudError('conflict', `Agent ${row.id} is not a L3 Agent or has been disabled`, {
      type: 'InvalidL3Agent',
    })
  const serving = await store.routerAgentOf(work.tx, router.id)
  if (serving?.id === row.id) return
  if (serving)
    throw new CloudError(
      'conflict',
      `The router ${router.id} has been already hosted by the L3 Agent ${serving.id}.`,
      { type: 'RouterHostedByL3Agent' },
    )
  await bindRouter(work, router.id, row, undefined)
}

export async function takeRouter(work: Work, row: Agent, router: Router): Promise<void> {
  const serving = await store.routerAgentOf(work.tx, router.id)
  if (serving?.id !== row.id)
    throw new CloudError('conflict', `The router ${router.id} is not hosted by L3 agent ${row.id}.`, {
      type: 'RouterNotHostedByL3Agent',
    })
  await unbindRouter(work, router.id, row)
}
