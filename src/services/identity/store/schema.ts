// All tables of identity, and how they came to be.
import { accessRule, applicationCredential } from '../resources/application-credential.ts'
import { assignment } from '../resources/assignment.ts'
import { credential } from '../resources/credential.ts'
import { endpoint } from '../resources/endpoint.ts'
import { group, membership } from '../resources/group.ts'
import { policy } from '../resources/policy.ts'
import { project } from '../resources/project.ts'
import { region } from '../resources/region.ts'
import { epoch, revocation } from '../resources/revocation.ts'
import { implication, role } from '../resources/role.ts'
import { service } from '../resources/service.ts'
import { trust } from '../resources/trust.ts'
import { user } from '../resources/user.ts'
import { first } from './migrations/0001-first.ts'

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
]

export const migrations = [first]
