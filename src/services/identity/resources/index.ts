// All rules of identity's policy.
import type { PolicyRule } from '#kit/policy/policy.ts'
import { accessRuleRules, applicationCredentialRules } from './application-credential.ts'
import { assignmentRules, grantRules, systemGrantRules } from './assignment.ts'
import { credentialRules, ec2Rules } from './credential.ts'
import { domainRules } from './domain.ts'
import { endpointRules } from './endpoint.ts'
import { groupRules } from './group.ts'
import { policyRules } from './policy.ts'
import { projectRules } from './project.ts'
import { regionRules } from './region.ts'
import { domainRoleRules, implicationRules, roleRules } from './role.ts'
import { aliases } from './rule.ts'
import { serviceRules } from './service.ts'
import { tokenRules } from './token.ts'
import { trustRules } from './trust.ts'
import { userRules } from './user.ts'

const sets: Record<string, PolicyRule>[] = [
  accessRuleRules,
  applicationCredentialRules,
  assignmentRules,
  credentialRules,
  domainRules,
  domainRoleRules,
  ec2Rules,
  endpointRules,
  grantRules,
  groupRules,
  implicationRules,
  policyRules,
  projectRules,
  regionRules,
  roleRules,
  serviceRules,
  systemGrantRules.group,
  systemGrantRules.user,
  tokenRules,
  trustRules,
  userRules,
]

export const allRules: PolicyRule[] = [...aliases, ...sets.flatMap((set) => Object.values(set))]
