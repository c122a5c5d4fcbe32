// Which L3 agent serves a router; its ports stand on that agent's host.
import { agentTypes } from '#contracts/network-agent.ts'
import type { Agent } from '../resources/agent.ts'
import type { Router } from '../resources/router.ts'
import * as agents from '../store/agent.ts'
import { routerPorts } from '../store/router.ts'
import { fittingAgents } from './agent-fit.ts'
import { isAlive } from './alive.ts'
import { zoneOf } from './availability-zone.ts'
import { moveToHost } from './binding.ts'
import { nudge, type Work } from './change.ts'
import { leastBusy, liveAgents } from './dhcp.ts'

/**
 * Gives the router to the live agent with the fewest whose host reaches the router's networks, unless such a one has it;
 * false where no agent lives.
 */
export async function scheduleRouter(work: Work, row: Router, except?: string): Promise<boolean> {
  const { app, tx } = work
  const serving = await agents.routerAgentOf(tx, row.id)
  const keeps = serving !== undefined && serving.id !== except && isAlive(app, serving)
  const hints = row.availabilityZoneHints
  const live = (await liveAgents(work, agentTypes.l3.agentType, except)).filter(
    (each) => hints.length === 0 || hints.includes(zoneOf(app, each)),
  )
  const networks = (await routerPorts(tx, row.id)).map((each) => each.networkId)
  // Who has it keeps it where it can be served, even switched off or in another zone.
  const others = live.filter(({ id }) => id !== serving?.id)
  const candidates = await fittingAgents(work, keeps ? [serving, ...others] : live, networks)
  if (keeps && candidates.some(({ id }) => id === serving.id)) return true
  const chosen = await leastBusy(candidates, (ids) => agents.routerBindingsOfAgents(tx, ids))
  if (!chosen) return false
  await bindRouter(work, row.id, chosen, serving)
  return true
}

/** Takes it from the agent that had it, so that no two hosts answer for the router's addresses. */
export async function bindRouter(
  work: Work,
  routerId: string,
  to: Agent,
  from: Agent | undefined,
): Promise<void> {
  const { tx, changes } = work
  await agents.deleteRouterBinding(tx, routerId)
  await agents.insertRouterBinding(tx, routerId, to.id)
  await movePorts(work, routerId, to.host)
  changes.routers.add(routerId)
  if (from && from.host !== to.host) tellFormerHost(work, routerId, from.host)
}

export async function unbindRouter(work: Work, routerId: string, from: Agent): Promise<void> {
  await agents.deleteRouterBinding(work.tx, routerId)
  await movePorts(work, routerId, '')
  tellFormerHost(work, routerId, from.host)
}

/** A host that no longer serves the router takes it down. */
export function tellFormerHost(work: Work, routerId: string, host: string): void {
  const { app, trace, changes } = work
  changes.hosts.add(host)
  const subject = `router:${routerId}`
  nudge(work, host, () => app.l3Agents.routerChanged({ routerId }, { host, trace, subject }))
}

async function movePorts(work: Work, routerId: string, host: string): Promise<void> {
  for (const row of await routerPorts(work.tx, routerId))
    if (row.hostId !== host) await moveToHost(work, row, host)
}
