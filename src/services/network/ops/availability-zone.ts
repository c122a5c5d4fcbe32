// Availability zones of networks and routers: those of the agents that serve them.

import { agentTypes } from '#contracts/network-agent.ts'
import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { NetworkApp } from '../app.ts'
import type { Agent } from '../resources/agent.ts'
import { listAgents } from '../store/agent.ts'

export type Zone = { name: string; resource: 'network' | 'router'; state: 'available' | 'unavailable' }

/** Which agents a zone is made of. */
const zoneAgents = { network: agentTypes.dhcp.agentType, router: agentTypes.l3.agentType } as const

export function zoneOf(app: NetworkApp, agent: Agent): string {
  return agent.availabilityZone ?? app.config.defaultAvailabilityZone
}

/** A zone is available while an agent in it is switched on. */
export async function listZones(app: NetworkApp): Promise<Zone[]> {
  const zones = new Map<string, Zone>()
  for (const resource of ['router', 'network'] as const) {
    for (const agent of await listAgents(app.db, zoneAgents[resource])) {
      const name = zoneOf(app, agent)
      const key = `${resource} ${name}`
      if (agent.adminStateUp || !zones.has(key))
        zones.set(key, { name, resource, state: agent.adminStateUp ? 'available' : 'unavailable' })
    }
  }
  return [...zones.values()]
}

export async function checkZoneHints(
  app: NetworkApp,
  db: Db,
  resource: Zone['resource'],
  hints: readonly string[],
): Promise<void> {
  if (hints.length === 0) return
  const zones = new Set((await listAgents(db, zoneAgents[resource])).map((each) => zoneOf(app, each)))
  const strange = hints.find((each) => !zones.has(each))
  if (strange !== undefined)
    throw new CloudError('notFound', `AvailabilityZone ${strange} could not be found.`, {
      type: 'AvailabilityZoneNotFound',
    })
}
