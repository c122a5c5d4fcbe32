// All routes of network.
import { agentRoutes } from './agent.ts'
import { zoneRoutes } from './availability-zone.ts'
import { discoveryRoutes } from './discovery.ts'
import { extensionRoutes, serviceProviderRoutes } from './extension.ts'
import { floatingIpRoutes } from './floating-ip.ts'
import { ipAvailabilityRoutes } from './ip-availability.ts'
import { networkRoutes } from './network.ts'
import { portRoutes } from './port.ts'
import { quotaRoutes } from './quota.ts'
import { routerRoutes } from './router.ts'
import { securityGroupRoutes, securityGroupRuleRoutes } from './security-group.ts'
import { subnetRoutes } from './subnet.ts'

export const allRoutes = [
  ...discoveryRoutes,
  ...networkRoutes,
  ...subnetRoutes,
  ...portRoutes,
  ...securityGroupRoutes,
  ...securityGroupRuleRoutes,
  ...routerRoutes,
  ...floatingIpRoutes,
  ...agentRoutes,
  ...zoneRoutes,
  ...quotaRoutes,
  ...extensionRoutes,
  ...serviceProviderRoutes,
  ...ipAvailabilityRoutes,
]
