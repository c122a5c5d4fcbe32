// Who has which role where: a user or a group, on a project, a domain or the system, for itself or for all projects below.
// https://docs.openstack.org/api-ref/identity/v3/#roles and OS-INHERIT
import { c, type RowOf, table } from '#kit/db/table.ts'
import { rule } from '#kit/policy/policy.ts'
import { admin, cloudWide, everywhere, reader } from './rule.ts'

export type ActorKind = 'user' | 'group'
export type TargetKind = 'project' | 'domain' | 'system'

export const assignment = table(
  'assignment',
  {
    actorId: c.text(64),
    actorKind: c.text<ActorKind>(8),
    targetKind: c.text<TargetKind>(8),
    /** `wholeSystem` for the system. */
    targetId: c.text(64),
    roleId: c.text(64),
    /** Holds for the projects below the target and not for the target itself. */
    inherited: c.bool(),
    createdAt: c.time(),
  },
  {
    primaryKey: ['actorId', 'actorKind', 'targetKind', 'targetId', 'roleId', 'inherited'],
    index: [['targetId'], ['roleId']],
  },
)
export type Assignment = RowOf<typeof assignment>
export const wholeSystem = 'system'

const actors = ['user', 'group']
const targets = ['target.project.domain_id', 'target.domain.id']
/** Actor and target both belong to the caller's domain. */
const within = (role: string) =>
  actors
    .flatMap((actor) =>
      targets.map(
        (target) => `(role:${role} and domain_id:%(target.${actor}.domain_id)s and domain_id:%(${target})s)`,
      ),
    )
    .join(' or ')
const roleOfDomain = '(domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s)'
const givers = `${admin} or ((${within('admin')}) and ${roleOfDomain}) or ((${within('manager')}) and rule:domain_managed_target_role)`

export const grantRules = {
  list: rule(
    'identity:list_grants',
    `${reader} or ${within('reader')}`,
    'List the roles of one on a target',
    everywhere,
  ),
  check: rule(
    'identity:check_grant',
    `${reader} or ((${within('reader')}) and ${roleOfDomain})`,
    'See whether one has a role on a target',
    everywhere,
  ),
  create: rule('identity:create_grant', givers, 'Give a role on a target', everywhere),
  revoke: rule('identity:revoke_grant', givers, 'Take a role on a target away', everywhere),
}

const systemRules = (actor: ActorKind) => ({
  list: rule(
    `identity:list_system_grants_for_${actor}`,
    reader,
    `List roles of a ${actor} on the system`,
    cloudWide,
  ),
  check: rule(
    `identity:check_system_grant_for_${actor}`,
    reader,
    `See whether a ${actor} has a role on the system`,
    cloudWide,
  ),
  create: rule(
    `identity:create_system_grant_for_${actor}`,
    admin,
    `Give a ${actor} a role on the system`,
    cloudWide,
  ),
  revoke: rule(
    `identity:revoke_system_grant_for_${actor}`,
    admin,
    `Take a role on the system away from a ${actor}`,
    cloudWide,
  ),
})
export const systemGrantRules = { user: systemRules('user'), group: systemRules('group') }

const listing = `${reader} or (role:reader and domain_id:%(target.domain_id)s and not None:%(target.domain_id)s)`
export const assignmentRules = {
  list: rule('identity:list_role_assignments', listing, 'List who has which role where', everywhere),
  listTree: rule(
    'identity:list_role_assignments_for_tree',
    listing,
    'List who has which role in a project and below',
    everywhere,
  ),
}
