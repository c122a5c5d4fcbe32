// Every rule that compute asks about or that others of its rules name.
import type { PolicyRule } from '#kit/policy/policy.ts'
import { aggregateRules } from './aggregate.ts'
import { extensionRules } from './extension.ts'
import { flavorRules } from './flavor.ts'
import { hostRules } from './host.ts'
import { hypervisorRules } from './hypervisor.ts'
import { keypairRules } from './keypair.ts'
import { aliasRules } from './policy.ts'
import { quotaRules } from './quota.ts'
import { securityGroupRules } from './security-group.ts'
import { serverGroupRules } from './server-group.ts'
import { serverRules } from './server-rule.ts'
import { serviceRules } from './service.ts'
import { usageRules } from './usage.ts'

const groups = [
  flavorRules,
  keypairRules,
  serverRules,
  serverGroupRules,
  securityGroupRules,
  quotaRules,
  serviceRules,
  hypervisorRules,
  hostRules,
  aggregateRules,
  usageRules,
  extensionRules,
]

export const computeRules: PolicyRule[] = [
  ...aliasRules,
  ...groups.flatMap((group): PolicyRule[] => Object.values(group)),
]
