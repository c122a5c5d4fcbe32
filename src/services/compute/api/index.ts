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

export const computeRoutes = [
  ...versionRoutes,
  ...extensionRoutes,
  ...flavorRoutes,
  ...keypairRoutes,
  ...serverRoutes,
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
