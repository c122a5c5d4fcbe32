// Decisions about roles and about which role implies which.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { IdentityContext } from '../app.ts'
import {
  domainRoleRules,
  implicationRules,
  type NewRole,
  noDomain,
  type Role,
  type RoleChange,
  roleRules,
  roleTarget,
} from '../resources/role.ts'
import { deleteAssignments } from '../store/assignment.ts'
import {
  deleteImplication,
  deleteRole as deleteRow,
  findRole,
  insertImplication,
  insertRole,
  listRoles,
  updateRole,
} from '../store/role.ts'
import { change, found, mergeOptions, notFound, refuseImmutable } from './change.ts'
import { closure } from './effective-role.ts'
import { requireDomain } from './user.ts'

const rulesOf = (row: Pick<Role, 'domainId'> | undefined) =>
  row && row.domainId !== noDomain ? domainRoleRules : roleRules

/** Roles of the cloud, unless a domain is named. */
export async function listRolesFor(
  context: IdentityContext,
  filter: { name?: string; domainId?: string },
): Promise<Role[]> {
  const domainId = filter.domainId ?? noDomain
  context.authorize(rulesOf({ domainId }).list, {})
  return listRoles(context.app.db, { ...filter, domainId })
}

export async function getRole(context: IdentityContext, id: string): Promise<Role> {
  const row = await findRole(context.app.db, id)
  context.authorize(rulesOf(row).get, roleTarget(row))
  return found(row, 'role', id)
}

export async function createRole(context: IdentityContext, given: NewRole): Promise<Role> {
  const { app } = context
  const domainId = given.domainId ?? noDomain
  context.authorize(rulesOf({ domainId }).create, {})
  if (given.domainId) await requireDomain(context, given.domainId)
  const row: Role = {
    id: app.world.random.hexId(),
    name: given.name,
    domainId,
    description: given.description ?? null,
    options: mergeOptions({}, given.options),
    extra: given.extra,
    createdAt: app.world.clock.now(),
  }
  await change(app, (tx) => insertRole(tx, row), taken(row))
  return row
}

export async function changeRole(context: IdentityContext, id: string, given: RoleChange): Promise<Role> {
  const before = await findRole(context.app.db, id)
  context.authorize(rulesOf(before).update, roleTarget(before))
  const row = found(before, 'role', id)
  refuseImmutable('role', row, given)
  if (given.domainId !== undefined && (given.domainId ?? noDomain) !== row.domainId)
    throw new CloudError('badRequest', 'A role cannot be moved to another domain.')
  const after: Role = {
    ...row,
    name: given.name ?? row.name,
    description: given.description ?? row.description,
    options: mergeOptions(row.options, given.options),
    extra: { ...row.extra, ...given.extra },
  }
  await change(context.app, (tx) => updateRole(tx, id, after), taken(after))
  return after
}

export async function deleteRole(context: IdentityContext, id: string): Promise<void> {
  const row = await findRole(context.app.db, id)
  context.authorize(rulesOf(row).delete, roleTarget(row))
  refuseImmutable('role', found(row, 'role', id))
  await change(context.app, async (tx) => {
    await deleteAssignments(tx, { roleId: id })
    await deleteRow(tx, id)
  })
}

const taken = (row: Role) =>
  `Conflict occurred attempting to store role - there is a role of the name ${row.name} already.`

export type Inference = { prior: Role; implied: Role[] }

/** What each role implies directly; roles that imply nothing are left out. */
export async function listInferences(context: IdentityContext): Promise<Inference[]> {
  context.authorize(implicationRules.listAll, {})
  const { roles, implied } = await context.app.knowledge.facts()
  return [...implied].map(([id, ids]) => ({
    prior: roles.get(id)!,
    implied: ids.map((each) => roles.get(each)!),
  }))
}

export async function listImplied(context: IdentityContext, priorId: string): Promise<Inference> {
  context.authorize(implicationRules.list, {})
  const { roles, implied } = await context.app.knowledge.facts()
  const prior = found(roles.get(priorId), 'role', priorId)
  return { prior, implied: (implied.get(priorId) ?? []).map((id) => roles.get(id)!) }
}

async function pair(context: IdentityContext, priorId: string, impliedId: string) {
  const facts = await context.app.knowledge.facts()
  return {
    facts,
    prior: found(facts.roles.get(priorId), 'role', priorId),
    implied: found(facts.roles.get(impliedId), 'role', impliedId),
  }
}

export async function getImplied(
  context: IdentityContext,
  priorId: string,
  impliedId: string,
  rule: PolicyRule = implicationRules.get,
): Promise<{ prior: Role; implied: Role }> {
  context.authorize(rule, {})
  const { facts, prior, implied } = await pair(context, priorId, impliedId)
  if (!facts.implied.get(priorId)?.includes(impliedId)) throw notFound('implied role', impliedId)
  return { prior, implied }
}

export async function addImplied(
  context: IdentityContext,
  priorId: string,
  impliedId: string,
): Promise<{ prior: Role; implied: Role }> {
  context.authorize(implicationRules.create, {})
  const { facts, prior, implied } = await pair(context, priorId, impliedId)
  // Whoever may define one role would make an administrator of everybody who has it.
  if (implied.name === 'admin' && implied.domainId === noDomain)
    throw new CloudError('forbidden', `The role ${implied.name} cannot be implied by another.`)
  if (implied.domainId !== noDomain && prior.domainId === noDomain)
    throw new CloudError('forbidden', 'A role of the cloud cannot imply a role of a domain.')
  if (closure(facts, [impliedId]).includes(priorId))
    throw new CloudError(
      'badRequest',
      `Role ${impliedId} implies role ${priorId} already: they would be one.`,
    )
  await change(context.app, (tx) => insertImplication(tx, { priorRoleId: priorId, impliedRoleId: impliedId }))
  return { prior, implied }
}

export async function removeImplied(
  context: IdentityContext,
  priorId: string,
  impliedId: string,
): Promise<void> {
  context.authorize(implicationRules.delete, {})
  await pair(context, priorId, impliedId)
  await change(context.app, async (tx) => {
    const gone = await deleteImplication(tx, { priorRoleId: priorId, impliedRoleId: impliedId })
    if (gone === 0) throw notFound('implied role', impliedId)
  })
}
