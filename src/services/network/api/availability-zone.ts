// Routes of availability zones.
import { route } from '../app.ts'
import { listZones } from '../ops/availability-zone.ts'
import { agentRules } from '../resources/agent.ts'
import { bad } from '../resources/attribute.ts'

const names = ['name', 'resource', 'state'] as const

export const zoneRoutes = [
  route('GET', '/availability_zones', {
    policy: agentRules.getZones,
    handle: async ({ app }, { query }) => {
      const strange = query.names().find((name) => name !== 'fields' && !names.some((each) => each === name))
      if (strange !== undefined) throw bad(`['${strange}'] is invalid attribute for filtering`)
      const zones = (await listZones(app)).filter((zone) =>
        names.every((name) => !query.has(name) || query.all(name).includes(zone[name])),
      )
      return { availability_zones: zones }
    },
  }),
]
