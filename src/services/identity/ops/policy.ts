// Decisions about policies.
import type { IdentityContext } from '../app.ts'
import { type NewPolicy, type Policy, type PolicyChange, policyRules } from '../resources/policy.ts'
import { deletePolicyAssociations } from '../store/endpoint-policy.ts'
import {
  deletePolicy as deleteRow,
  findPolicy,
  insertPolicy,
  listPolicies,
  updatePolicy,
} from '../store/policy.ts'
import { change, found } from './change.ts'

export async function listPoliciesFor(
  context: IdentityContext,
  filter: { type?: string },
): Promise<Policy[]> {
  context.authorize(policyRules.list, {})
  return listPolicies(context.app.db, filter)
}

export async function getPolicy(context: IdentityContext, id: string): Promise<Policy> {
  context.authorize(policyRules.get, {})
  return found(await findPolicy(context.app.db, id), 'policy', id)
}

export async function createPolicy(context: IdentityContext, given: NewPolicy): Promise<Policy> {
  const { world } = context.app
  context.authorize(policyRules.create, {})
  const row: Policy = { ...given, id: world.random.hexId(), createdAt: world.clock.now() }
  await change(context.app, (tx) => insertPolicy(tx, row))
  return row
}

export async function changePolicy(
  context: IdentityContext,
  id: string,
  given: PolicyChange,
): Promise<Policy> {
  context.authorize(policyRules.update, {})
  const row = found(await findPolicy(context.app.db, id), 'policy', id)
  const after: Policy = {
    ...row,
    type: given.type ?? row.type,
    blob: given.blob ?? row.blob,
    extra: { ...row.extra, ...given.extra },
  }
  await change(context.app, (tx) => updatePolicy(tx, id, after))
  return after
}

export async function deletePolicy(context: IdentityContext, id: string): Promise<void> {
  context.authorize(policyRules.delete, {})
  found(await findPolicy(context.app.db, id), 'policy', id)
  await change(context.app, async (tx) => {
    await deletePolicyAssociations(tx, { policyId: id })
    await deleteRow(tx, id)
  })
}
