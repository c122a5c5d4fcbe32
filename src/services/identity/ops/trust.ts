// Decisions about trusts: who may trust whom with what, and that no more is passed on than one has.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { IdentityContext } from '../app.ts'
import type { Role } from '../resources/role.ts'
import { type NewTrust, type Trust, type TrustShown, trustRules, trustTarget } from '../resources/trust.ts'
import { findProject } from '../store/project.ts'
import { deleteTrusts, findTrust, insertTrust, listTrusts } from '../store/trust.ts'
import { findUser } from '../store/user.ts'
import { chosenRole, readExpiry } from './application-credential.ts'
import { change, found, notFound } from './change.ts'
import { refuseNarrow } from './credential.ts'
import { rolesOn } from './effective-role.ts'

/** keystone's `[trust] max_redelegation_count`. */
const mostRedelegations = 3

export async function createTrust(context: IdentityContext, given: NewTrust): Promise<TrustShown> {
  const { app } = context
  context.authorize(trustRules.create, trustTarget(given))
  await refuseNarrow(context)
  found(await findUser(app.db, given.trusteeUserId), 'user', given.trusteeUserId)
  const now = app.world.clock.now()
  const redelegations = given.redelegationCount ?? mostRedelegations
  if (redelegations > mostRedelegations)
    throw new CloudError('forbidden', `A trust may be passed on ${mostRedelegations} times at most.`)
  const expiresAt = readExpiry(given.expiresAt, now)
  const roles = await chosenRoles(context, given)
  const row: Trust = {
    id: app.world.random.hexId(),
    trustorUserId: given.trustorUserId,
    trusteeUserId: given.trusteeUserId,
    projectId: given.projectId ?? null,
    impersonation: given.impersonation,
    roleIds: roles.map((role) => role.id),
    expiresAt: expiresAt === null ? null : Math.floor(expiresAt),
    remainingUses: given.remainingUses ?? null,
    redelegatedTrustId: null,
    redelegationCount: given.allowRedelegation ? redelegations : 0,
    createdAt: now,
  }
  await change(app, (tx) => insertTrust(tx, row))
  return { ...row, roles }
}

async function chosenRoles(context: IdentityContext, given: NewTrust): Promise<Role[]> {
  const { db, knowledge } = context.app
  const wishes = given.roles ?? []
  if (!given.projectId) {
    if (wishes.length > 0)
      throw new CloudError('badRequest', 'Roles are passed on in a project: project_id is needed.')
    return []
  }
  if (wishes.length === 0)
    throw new CloudError('forbidden', 'A trust in a project passes on one role at least.')
  const project = found(await findProject(db, given.projectId), 'project', given.projectId)
  const facts = await knowledge.facts()
  const held = await rolesOn(db, facts, given.trustorUserId, { kind: 'project', project })
  for (const { id } of wishes) if (id !== undefined) found(facts.roles.get(id), 'role', id)
  try {
    return wishes.map((wish) => chosenRole(held, wish))
  } catch (error) {
    throw new CloudError('forbidden', 'The trustor does not have all of these roles in the project.', {
      cause: error,
    })
  }
}

export async function listTrustsFor(
  context: IdentityContext,
  filter: { trustorUserId?: string; trusteeUserId?: string },
): Promise<Trust[]> {
  const { trustorUserId, trusteeUserId } = filter
  const rule = trustorUserId
    ? trustRules.listOfTrustor
    : trusteeUserId
      ? trustRules.listOfTrustee
      : trustRules.list
  context.authorize(rule, {
    'target.trust.trustor_user_id': trustorUserId,
    'target.trust.trustee_user_id': trusteeUserId,
  })
  return listTrusts(context.app.db, filter)
}

async function trustFor(context: IdentityContext, rule: PolicyRule, id: string): Promise<TrustShown> {
  const { db, knowledge } = context.app
  // As keystone has it, who asks for a trust that is gone hears so: its id says nothing about anybody.
  const trust = found(await findTrust(db, id), 'trust', id)
  context.authorize(rule, trustTarget(trust))
  // One with no uses left is over, as if it were deleted.
  if (trust.remainingUses === 0) throw notFound('trust', id)
  const { roles } = await knowledge.facts()
  return { ...trust, roles: trust.roleIds.flatMap((each) => roles.get(each) ?? []) }
}

export const getTrust = (context: IdentityContext, id: string) => trustFor(context, trustRules.get, id)

export async function listTrustRoles(context: IdentityContext, id: string): Promise<Role[]> {
  return (await trustFor(context, trustRules.listRoles, id)).roles ?? []
}

export async function getTrustRole(context: IdentityContext, id: string, roleId: string): Promise<Role> {
  const { roles } = await trustFor(context, trustRules.getRole, id)
  return found(
    roles?.find((each) => each.id === roleId),
    'role',
    roleId,
  )
}

export async function deleteTrust(context: IdentityContext, id: string): Promise<void> {
  const { app } = context
  await trustFor(context, trustRules.delete, id)
  await change(app, async (tx) => {
    await deleteTrusts(tx, [id])
    await app.tokens.revoke(tx, { trustId: id })
  })
}
