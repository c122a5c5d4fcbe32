// All rules of identity's policy.
import type { PolicyRule } from '#kit/policy/policy.ts'
import { accessRuleRules, applicationCredentialRules } from './application-credential.ts'
import { assignmentRules, grantRules, systemGrantRules } from './assignment.ts'
import { accessTokenRules, consumerRules } from './consumer.ts'
import { credentialRules, ec2Rules } from './credential.ts'
import { domainRules } from './domain.ts'
import { domainConfigRules } from './domain-config.ts'
import { signedRequestRules } from './ec2.ts'
import { endpointRules } from './endpoint.ts'
import { endpointGroupRules, projectEndpointRules } from './endpoint-filter.ts'
import { endpointPolicyRules, policyAssociationRules } from './endpoint-policy.ts'
import {
  federatedScopeRules,
  identityProviderRules,
  mappingRules,
  protocolRules,
  serviceProviderRules,
} from './federation.ts'
import { groupRules } from './group.ts'
import { limitRules, registeredLimitRules } from './limit.ts'
import { policyRules } from './policy.ts'
import { projectRules } from './project.ts'
import { regionRules } from './region.ts'
import { revocationRules } from './revocation.ts'
import { domainRoleRules, implicationRules, roleRules } from './role.ts'
import { aliases } from './rule.ts'
import { serviceRules } from './service.ts'
import { tokenRules } from './token.ts'
import { trustRules } from './trust.ts'
import { userRules } from './user.ts'

const sets: Record<string, PolicyRule>[] = [
  accessRuleRules,
  accessTokenRules,
  applicationCredentialRules,
  assignmentRules,
  consumerRules,
  credentialRules,
  domainConfigRules,
  domainRules,
  domainRoleRules,
  ec2Rules,
  endpointGroupRules,
  endpointPolicyRules,
  endpointRules,
  federatedScopeRules,
  grantRules,
  groupRules,
  identityProviderRules,
  implicationRules,
  limitRules,
  mappingRules,
  policyAssociationRules.endpoint,
  policyAssociationRules.regionAndService,
  policyAssociationRules.service,
  policyRules,
  projectEndpointRules,
  projectRules,
  protocolRules,
  regionRules,
  registeredLimitRules,
  revocationRules,
  roleRules,
  serviceProviderRules,
  serviceRules,
  signedRequestRules,
  systemGrantRules.group,
  systemGrantRules.user,
  tokenRules,
  trustRules,
  userRules,
]

export const allRules: PolicyRule[] = [...aliases, ...sets.flatMap((set) => Object.values(set))]
