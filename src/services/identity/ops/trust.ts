// Decisions about trusts: who may trust whom with what, and that no more is passed on than one has.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { IdentityContext } from '../app.ts'
import type { Role } from '../resources/role.ts'
import { type NewTrust, type Trust, type TrustShown, trustRules, trustTarget } from '../resources/trust.ts'
import { findProject } from '../store/project.ts'
import { findTrust, insertTrust, listTrusts } from '../store/trust.ts'
import { findUser } from '../store/user.ts'
import { chosenRole, readExpiry } from './application-credential.ts'
import { change, found, notFound } from './change.ts'
import { rolesOn } from './effective-role.ts'
import { dropTrusts } from './reference.ts'

export async function createTrust(context: IdentityContext, given: NewTrust): Promise<TrustShown> {
  const { app } = context
  context.authorize(trustRules.create, trustTarget(given))
  const { standing } = await app.tokens.validate(context.caller.token)
  if (standing.applicationCredential?.unrestricted === false) throw narrow()
  found(await findUser(app.db, given.trusteeUserId), 'user', given.trusteeUserId)
  const above = standing.trust
  const now = app.world.clock.now()
  const expiresAt = readExpiry(given.expiresAt, now)
  const roles = above ? await rolesPassedOn(context, given, above) : await chosenRoles(context, given)
  const row: Trust = {
    id: app.world.random.hexId(),
    trustorUserId: given.trustorUserId,
    trusteeUserId: given.trusteeUserId,
    projectId: given.projectId ?? null,
    impersonation: given.impersonation,
    roleIds: roles.map((role) => role.id),
    expiresAt: expiresAt === null ? (above?.expiresAt ?? null) : Math.floor(expiresAt),
    remainingUses: given.remainingUses ?? null,
    redelegatedTrustId: above?.id ?? null,
    redelegationCount: redelegations(app.config.maxRedelegations, given, above),
    createdAt: now,
  }
  if (above) refuseMore(row, above)
  await change(app, (tx) => insertTrust(tx, row))
  return { ...row, roles }
}

const narrow = () =>
  new CloudError('forbidden', 'A token of a restricted application credential cannot do this.')

/** How often the new trust may be passed on. Throws 'forbidden' where that is too often. */
function redelegations(most: number, given: NewTrust, above: Trust | undefined): number {
  if (above && (above.redelegationCount <= 0 || above.redelegationCount > most))
    throw new CloudError(
      'forbidden',
      `Remaining redelegation depth of ${above.redelegationCount} out of allowed range of [0..${most}].`,
    )
  if (!given.allowRedelegation || given.redelegationCount === 0) return 0
  if (given.remainingUses != null)
    throw new CloudError('badRequest', 'remaining_uses must not be set if redelegation is allowed.')
  const left = above ? above.redelegationCount - 1 : most
  const wanted = given.redelegationCount ?? left
  if (wanted > left)
    throw new CloudError(
      'forbidden',
      `Requested redelegation depth of ${wanted} is greater than allowed ${left}.`,
    )
  return wanted
}

/** No trust gives more than the one that it passes on: no longer, no other user's name, no count of uses. */
function refuseMore(row: Trust, above: Trust): void {
  const wrong =
    row.remainingUses !== null
      ? 'Field "remaining_uses" must not be set in order to redelegate a trust.'
      : above.expiresAt !== null && (row.expiresAt === null || row.expiresAt > above.expiresAt)
        ? 'Requested expiration time is more than redelegated trust can provide.'
        : row.impersonation && !above.impersonation
          ? 'Impersonation is not allowed because redelegated trust does not specify impersonation.'
          : row.projectId !== above.projectId
            ? 'A trust can be redelegated in its own project alone.'
            : undefined
  if (wrong) throw new CloudError('forbidden', wrong)
}

/** Some of those of the trust above. */
async function rolesPassedOn(context: IdentityContext, given: NewTrust, above: Trust): Promise<Role[]> {
  const { roles } = await context.app.knowledge.facts()
  const held = above.roleIds.flatMap((id) => roles.get(id) ?? [])
  return choose(roles, held, given, 'Some of requested roles are not in redelegated trust.')
}

async function chosenRoles(context: IdentityContext, given: NewTrust): Promise<Role[]> {
  const { db, knowledge } = context.app
  if (!given.projectId) {
    if ((given.roles ?? []).length > 0)
      throw new CloudError('badRequest', 'Roles are passed on in a project: project_id is needed.')
    return []
  }
  const project = found(await findProject(db, given.projectId), 'project', given.projectId)
  const facts = await knowledge.facts()
  const held = await rolesOn(db, facts, given.trustorUserId, { kind: 'project', project })
  return choose(facts.roles, held, given, 'The trustor does not have all of these roles in the project.')
}

function choose(
  known: ReadonlyMap<string, Role>,
  held: readonly Role[],
  given: NewTrust,
  refusal: string,
): Role[] {
  const wishes = given.roles ?? []
  if (wishes.length === 0)
    throw new CloudError('forbidden', 'A trust in a project passes on one role at least.')
  for (const { id } of wishes) if (id !== undefined) found(known.get(id), 'role', id)
  try {
    return wishes.map((wish) => chosenRole(held, wish))
  } catch (error) {
    throw new CloudError('forbidden', refusal, { cause: error })
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
  const trust = await trustFor(context, trustRules.delete, id)
  await change(app, (tx) => dropTrusts(app, tx, [trust]))
}
