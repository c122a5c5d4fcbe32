// What must go when a project, a domain, a user or a group goes: what points to it, in the same transaction.
import type { Transaction } from '#kit/db/database.ts'
import type { Identity } from '../app.ts'
import type { Trust } from '../resources/trust.ts'
import { deleteAccessRulesOf, deleteApplicationCredentials } from '../store/application-credential.ts'
import { deleteAssignments } from '../store/assignment.ts'
import { deleteCredentials } from '../store/credential.ts'
import { deleteProjectEndpointGroups, deleteProjectEndpoints } from '../store/endpoint-filter.ts'
import { deleteMembershipsOf } from '../store/group.ts'
import { deleteLimitsOf } from '../store/limit.ts'
import { deleteTrusts, listTrusts } from '../store/trust.ts'
import { forgetDefaultProjects } from '../store/user.ts'

type App = Pick<Identity, 'tokens'>

/** `ids` of projects, or of a domain. */
export async function dropReferencesToTargets(
  app: App,
  tx: Transaction,
  ids: readonly string[],
): Promise<void> {
  await deleteAssignments(tx, { targetId: ids })
  await deleteApplicationCredentials(tx, { projectId: ids })
  await deleteCredentials(tx, { projectId: ids })
  await dropTrusts(app, tx, await listTrusts(tx, { projectId: ids }))
  await forgetDefaultProjects(tx, ids)
  await deleteLimitsOf(tx, ids)
  await deleteProjectEndpoints(tx, { projectId: ids })
  await deleteProjectEndpointGroups(tx, { projectId: ids })
  for (const projectId of ids) await app.tokens.revoke(tx, { projectId })
}

export async function dropReferencesToUsers(
  app: App,
  tx: Transaction,
  ids: readonly string[],
): Promise<void> {
  await deleteAssignments(tx, { actorId: ids, actorKind: 'user' })
  await deleteMembershipsOf(tx, ids)
  await deleteApplicationCredentials(tx, { userId: ids })
  await deleteAccessRulesOf(tx, ids)
  await deleteCredentials(tx, { userId: ids })
  const given = await listTrusts(tx, { trustorUserId: ids })
  const got = await listTrusts(tx, { trusteeUserId: ids })
  await dropTrusts(app, tx, [...given, ...got])
  for (const userId of ids) await app.tokens.revoke(tx, { userId })
}

export async function dropReferencesToGroups(tx: Transaction, ids: readonly string[]): Promise<void> {
  await deleteAssignments(tx, { actorId: ids, actorKind: 'group' })
}

/** With all that were passed on from them, however far. */
export async function dropTrusts(app: App, tx: Transaction, trusts: readonly Trust[]): Promise<void> {
  for (let level = trusts.map((each) => each.id); level.length > 0; ) {
    await deleteTrusts(tx, level)
    for (const trustId of level) await app.tokens.revoke(tx, { trustId })
    level = (await listTrusts(tx, { redelegatedTrustId: level })).map((each) => each.id)
  }
}
