// All rules of network's policy.
import type { PolicyRule } from '#kit/policy/policy.ts'
import { agentRules } from './agent.ts'
import { ipAvailabilityRules } from './ip-availability.ts'
import { networkRules } from './network.ts'
import { aliases } from './policy.ts'
import { portRules } from './port.ts'
import { quotaRules } from './quota.ts'
import { floatingIpRules, routerRules } from './router.ts'
import { securityGroupRuleRules, securityGroupRules } from './security-group.ts'
import { subnetRules } from './subnet.ts'

const groups = [
  networkRules,
  subnetRules,
  portRules,
  securityGroupRules,
  securityGroupRuleRules,
  routerRules,
  floatingIpRules,
  agentRules,
  quotaRules,
  ipAvailabilityRules,
]

export const allRules: PolicyRule[] = [
  ...aliases,
  ...groups.flatMap((group): PolicyRule[] => Object.values(group)),
]
