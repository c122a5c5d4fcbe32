// SQL of which policy is for which endpoint, service and region.
import type { Db } from '#kit/db/database.ts'
import { type PolicyAssociation, type PolicyPlace, policyAssociation } from '../resources/endpoint-policy.ts'
import { defined } from './filter.ts'

export const findPolicyAssociation = (db: Db, place: PolicyPlace) => policyAssociation.get(db, place)

export const listPolicyAssociations = (db: Db, policyId: string): Promise<PolicyAssociation[]> =>
  policyAssociation.find(db, { policyId })

/** A place has one policy: the last one given. */
export async function putPolicyAssociation(db: Db, { policyId, ...place }: PolicyAssociation): Promise<void> {
  if ((await policyAssociation.update(db, place, { policyId })) === 0)
    await policyAssociation.insert(db, { ...place, policyId })
}

type AssociationFilter = { policyId?: string; endpointId?: string; serviceId?: string; regionId?: string }

/** How many there were. */
export const deletePolicyAssociations = (db: Db, filter: AssociationFilter) =>
  policyAssociation.delete(db, defined(filter))
