// All routes of compute.

import { externalEventRoutes } from './external-event.ts'
import { flavorRoutes } from './flavor.ts'
import { hostRoutes } from './host.ts'
import { keypairRoutes } from './keypair.ts'
import { aggregateRoutes, hypervisorRoutes, serviceRoutes } from './operator.ts'
import { quotaRoutes, serverGroupRoutes } from './quota.ts'
import { securityGroupRoutes } from './security-group.ts'
import { serverRoutes } from './server.ts'
import { serverActionRoutes } from './server-action.ts'
import { interfaceRoutes, metadataRoutes, passwordRoutes, tagRoutes, volumeRoutes } from './server-part.ts'
import { usageRoutes } from './usage.ts'
import { extensionRoutes, removedRoutes, versionRoutes } from './version.ts'

/** The old door for servers that boot from a volume, which clients of before 2023 still take (openstacksdk below 1.0). */
const volumeBootRoutes = serverRoutes.map((each) => ({
  ...each,
  path: each.path.replace('/servers', '/os-volumes_boot'),
}))

export const computeRoutes = [
  ...versionRoutes,
  ...extensionRoutes,
  ...flavorRoutes,
  ...keypairRoutes,
  ...serverRoutes,
  ...volumeBootRoutes,
  ...serverActionRoutes,
  ...metadataRoutes,
  ...passwordRoutes,
  ...tagRoutes,
  ...interfaceRoutes,
  ...volumeRoutes,
  ...serviceRoutes,
  ...hypervisorRoutes,
  ...hostRoutes,
  ...aggregateRoutes,
  ...quotaRoutes,
  ...serverGroupRoutes,
  ...securityGroupRoutes,
  ...usageRoutes,
  ...externalEventRoutes,
  ...removedRoutes,
]
