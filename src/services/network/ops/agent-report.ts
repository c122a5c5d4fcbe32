// Heart-beats of agents, and what follows when one comes or can do something else than before.
import { agentTypes } from '#contracts/network-agent.ts'
import type { Agent } from '../resources/agent.ts'
import * as store from '../store/agent.ts'
import { findRouter } from '../store/router.ts'
import { isAlive } from './alive.ts'
import { noteHostMoved, rebindFailed } from './binding.ts'
import type { Work } from './change.ts'
import { scheduleDhcp } from './dhcp.ts'
import { scheduleRouter } from './router-schedule.ts'

export type Report = Pick<
  Agent,
  'host' | 'agentType' | 'binary' | 'topic' | 'configurations' | 'startedAt'
> & { availabilityZone: string }

/** 'new' where it was not known, was taken for dead, or has started again since. */
export async function takeReport(work: Work, report: Report): Promise<'new' | 'alive'> {
  const { app, tx } = work
  const now = app.world.clock.now()
  const known = await store.findAgentOf(tx, report.agentType, report.host)
  const facts = {
    binary: report.binary,
    topic: report.topic,
    availabilityZone:
      report.agentType === agentTypes.l2.agentType || report.agentType === agentTypes.metadata.agentType
        ? null
        : report.availabilityZone || app.config.defaultAvailabilityZone,
    configurations: report.configurations,
    tunnelIp: tunnelIpOf(report),
    startedAt: report.startedAt,
    heartbeatAt: now,
  }
  if (known) await store.updateAgent(tx, known.id, facts)
  else
    await store.insertAgent(tx, {
      ...facts,
      id: app.world.random.uuid(),
      agentType: report.agentType,
      host: report.host,
      adminStateUp: true,
      description: null,
      createdAt: now,
    })
  const isNew = !known || !isAlive(app, known) || known.startedAt !== report.startedAt
  const changed =
    isNew || JSON.stringify(wiringFacts(known)) !== JSON.stringify(wiringFacts({ ...known, ...facts }))
  if (changed) await followChange(work, report, known)
  return isNew ? 'new' : 'alive'
}

function tunnelIpOf({ agentType, configurations }: Report): string | null {
  const { tunneling_ip: ip } = configurations
  return agentType === agentTypes.l2.agentType && typeof ip === 'string' && ip !== '' ? ip : null
}

/** What of its configuration other hosts, or the binding of ports, depend on. */
function wiringFacts({ configurations }: Pick<Agent, 'configurations'>): unknown {
  return [configurations.tunneling_ip, configurations.tunnel_types, configurations.bridge_mappings]
}

async function followChange(work: Work, report: Report, known: Agent | undefined): Promise<void> {
  const { tx, changes } = work
  if (report.agentType === agentTypes.l2.agentType) {
    await rebindFailed(work, report.host)
    changes.hosts.add(report.host)
    if (report.configurations.tunneling_ip === known?.configurations.tunneling_ip) return
    await noteHostMoved(work, report.host)
  }
  if (report.agentType === agentTypes.dhcp.agentType)
    for (const id of await store.networksWithoutDhcpAgent(tx)) await scheduleDhcp(work, id)
  if (report.agentType === agentTypes.l3.agentType)
    for (const id of await store.routersWithoutAgent(tx)) {
      const row = await findRouter(tx, id)
      if (row) await scheduleRouter(work, row)
    }
}
