// Giving and taking roles. A change takes effect on tokens that are out already: their roles are looked up at each change.
import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { IdentityContext } from '../app.ts'
import {
  type ActorKind,
  grantRules,
  systemGrantRules,
  type TargetKind,
  wholeSystem,
} from '../resources/assignment.ts'
import { groupTarget } from '../resources/group.ts'
import { projectTarget } from '../resources/project.ts'
import { noDomain, type Role, roleTarget } from '../resources/role.ts'
import { userTarget } from '../resources/user.ts'
import { deleteAssignments, insertAssignment, listAssignments } from '../store/assignment.ts'
import { findGroup } from '../store/group.ts'
import { findProject } from '../store/project.ts'
import { findRole, listRoles } from '../store/role.ts'
import { findUser } from '../store/user.ts'
import { change, found, notFound } from './change.ts'

/** One's place in the paths of grants: /projects/:id/users/:id/roles and its eleven siblings. */
export type Grant = {
  actorKind: ActorKind
  actorId: string
  targetKind: TargetKind
  targetId: string
  inherited: boolean
}

type Action = 'list' | 'check' | 'create' | 'revoke'

/** Loads all that the rule may name, asks it, and only then says what is missing. */
async function authorize(
  context: IdentityContext,
  action: Action,
  grant: Grant,
  roleId?: string,
): Promise<{ role: Role | undefined; targetDomainId: string | undefined }> {
  const { db } = context.app
  const role = roleId === undefined ? undefined : await findRole(db, roleId)
  const actor = await actorOf(db, grant)
  const target = await targetOf(db, grant)
  const rules = grant.targetKind === 'system' ? systemGrantRules[grant.actorKind] : grantRules
  context.authorize(rules[action], { ...actor.words, ...target.words, ...roleTarget(role) })
  // A role of somebody who is gone may still be taken away.
  if (action !== 'revoke' && !actor.there) throw notFound(grant.actorKind, grant.actorId)
  if (!target.there) throw notFound(grant.targetKind, grant.targetId)
  if (roleId !== undefined) found(role, 'role', roleId)
  return { role, targetDomainId: target.domainId }
}

async function actorOf(db: Db, grant: Grant) {
  if (grant.actorKind === 'user') {
    const row = await findUser(db, grant.actorId)
    return { there: row !== undefined, words: userTarget(row) }
  }
  const row = await findGroup(db, grant.actorId)
  return { there: row !== undefined, words: groupTarget(row) }
}

async function targetOf(db: Db, grant: Grant) {
  if (grant.targetKind === 'system') return { there: true, words: {}, domainId: undefined }
  const row = await findProject(db, grant.targetId)
  if (grant.targetKind === 'project')
    // A domain is a project too, but roles on it are roles on the domain.
    return { there: row !== undefined && !row.isDomain, words: projectTarget(row), domainId: row?.domainId }
  const domain = row?.isDomain ? row : undefined
  const words = domain ? { 'target.domain.id': domain.id } : {}
  return { there: domain !== undefined, words, domainId: domain?.id }
}

const filterOf = ({ actorId, actorKind, targetKind, targetId, inherited }: Grant) => ({
  actorId: [actorId],
  actorKind,
  targetKind,
  targetId: [targetKind === 'system' ? wholeSystem : targetId],
  inherited,
})

export async function listGrantedRoles(context: IdentityContext, grant: Grant): Promise<Role[]> {
  await authorize(context, 'list', grant)
  const { db } = context.app
  const given = await listAssignments(db, filterOf(grant))
  return listRoles(db, { id: given.map((each) => each.roleId) })
}

export async function checkGrant(context: IdentityContext, grant: Grant, roleId: string): Promise<void> {
  await authorize(context, 'check', grant, roleId)
  const given = await listAssignments(context.app.db, { ...filterOf(grant), roleId })
  if (given.length === 0) throw notFound('role assignment with role', roleId)
}

export async function giveRole(context: IdentityContext, grant: Grant, roleId: string): Promise<void> {
  const { app } = context
  const { role, targetDomainId } = await authorize(context, 'create', grant, roleId)
  if (role && role.domainId !== noDomain && role.domainId !== targetDomainId)
    throw new CloudError(
      'forbidden',
      `Role ${role.id} is of domain ${role.domainId} and cannot be given elsewhere.`,
    )
  const row = {
    ...grant,
    targetId: grant.targetKind === 'system' ? wholeSystem : grant.targetId,
    roleId,
    createdAt: app.world.clock.now(),
  }
  await change(app, (tx) => insertAssignment(tx, row))
}

export async function takeRole(context: IdentityContext, grant: Grant, roleId: string): Promise<void> {
  await authorize(context, 'revoke', grant, roleId)
  await change(context.app, async (tx) => {
    const gone = await deleteAssignments(tx, { ...filterOf(grant), roleId })
    if (gone === 0) throw notFound('role assignment with role', roleId)
  })
}
