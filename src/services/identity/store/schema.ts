// All tables of identity, and how they came to be.
import { accessRule, applicationCredential } from '../resources/application-credential.ts'
import { assignment } from '../resources/assignment.ts'
import { consumer } from '../resources/consumer.ts'
import { credential } from '../resources/credential.ts'
import { domainOption } from '../resources/domain-config.ts'
import { endpoint } from '../resources/endpoint.ts'
import { endpointGroup, projectEndpoint, projectEndpointGroup } from '../resources/endpoint-filter.ts'
import { policyAssociation } from '../resources/endpoint-policy.ts'
import { group, membership } from '../resources/group.ts'
import { limit, registeredLimit } from '../resources/limit.ts'
import { policy } from '../resources/policy.ts'
import { project } from '../resources/project.ts'
import { region } from '../resources/region.ts'
import { epoch, revocation } from '../resources/revocation.ts'
import { implication, role } from '../resources/role.ts'
import { service } from '../resources/service.ts'
import { sharedKey } from '../resources/shared-key.ts'
import { spentProof } from '../resources/spent-proof.ts'
import { trust } from '../resources/trust.ts'
import { oldPassword, user } from '../resources/user.ts'
import { first } from './migrations/0001-first.ts'
import { spentProofs } from './migrations/0002-spent-proof.ts'
import { identityResource } from './migrations/0003-identity-resource.ts'
import { sharedKeys } from './migrations/0004-shared-key.ts'

export const tables = [
  project,
  user,
  group,
  membership,
  role,
  implication,
  assignment,
  region,
  service,
  endpoint,
  credential,
  applicationCredential,
  accessRule,
  trust,
  policy,
  revocation,
  epoch,
  spentProof,
  oldPassword,
  domainOption,
  registeredLimit,
  limit,
  endpointGroup,
  projectEndpoint,
  projectEndpointGroup,
  policyAssociation,
  consumer,
  sharedKey,
]

export const migrations = [first, spentProofs, identityResource, sharedKeys]
