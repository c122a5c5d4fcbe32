// Decisions about which policy document is for which endpoint: its own, that of its service in its region or in one
// around it, or that of its service.
import type { Db } from '#kit/db/database.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { IdentityContext } from '../app.ts'
import type { Endpoint } from '../resources/endpoint.ts'
import {
  endpointPolicyRules,
  type PolicyAssociation,
  type PolicyPlace,
  policyAssociationRules,
} from '../resources/endpoint-policy.ts'
import type { Policy } from '../resources/policy.ts'
import { findEndpoint, listEndpoints } from '../store/endpoint.ts'
import {
  deletePolicyAssociations,
  findPolicyAssociation,
  listPolicyAssociations,
  putPolicyAssociation,
} from '../store/endpoint-policy.ts'
import { findPolicy } from '../store/policy.ts'
import { findRegion } from '../store/region.ts'
import { findService } from '../store/service.ts'
import { change, found, notFound } from './change.ts'

type Action = 'create' | 'check' | 'delete'

function ruleFor(action: Action, place: PolicyPlace): PolicyRule {
  if (place.endpointId) return policyAssociationRules.endpoint[action]
  return policyAssociationRules[place.regionId ? 'regionAndService' : 'service'][action]
}

/** The caller's right, then policy, endpoint, service and region. */
async function enter(
  context: IdentityContext,
  action: Action,
  policyId: string,
  place: PolicyPlace,
): Promise<void> {
  const { db } = context.app
  const { endpointId, serviceId, regionId } = place
  context.authorize(ruleFor(action, place), {})
  found(await findPolicy(db, policyId), 'policy', policyId)
  if (endpointId) found(await findEndpoint(db, endpointId), 'endpoint', endpointId)
  if (serviceId) found(await findService(db, serviceId), 'service', serviceId)
  if (regionId) found(await findRegion(db, regionId), 'region', regionId)
}

export async function associatePolicy(
  context: IdentityContext,
  policyId: string,
  place: PolicyPlace,
): Promise<void> {
  await enter(context, 'create', policyId, place)
  await change(context.app, (tx) => putPolicyAssociation(tx, { ...place, policyId }))
}

export async function checkPolicyAssociation(
  context: IdentityContext,
  policyId: string,
  place: PolicyPlace,
): Promise<void> {
  await enter(context, 'check', policyId, place)
  if ((await findPolicyAssociation(context.app.db, place))?.policyId !== policyId)
    throw notFound('policy association', policyId)
}

export async function endPolicyAssociation(
  context: IdentityContext,
  policyId: string,
  place: PolicyPlace,
): Promise<void> {
  await enter(context, 'delete', policyId, place)
  await change(context.app, async (tx) => {
    if ((await deletePolicyAssociations(tx, { ...place, policyId })) === 0)
      throw notFound('policy association', policyId)
  })
}

/** A region and all around it, the nearest first. */
async function regionsAround(db: Db, id: string | null): Promise<string[]> {
  const ids: string[] = []
  for (let next = id; next !== null; ) {
    ids.push(next)
    next = (await findRegion(db, next))?.parentRegionId ?? null
  }
  return ids
}

async function policyIdFor(db: Db, endpoint: Endpoint): Promise<string | undefined> {
  const { id, serviceId, regionId } = endpoint
  const regions = await regionsAround(db, regionId)
  const places: PolicyPlace[] = [
    { endpointId: id, serviceId: '', regionId: '' },
    ...regions.map((region) => ({ endpointId: '', serviceId, regionId: region })),
    { endpointId: '', serviceId, regionId: '' },
  ]
  for (const place of places) {
    const association = await findPolicyAssociation(db, place)
    if (association) return association.policyId
  }
  return undefined
}

export async function getPolicyForEndpoint(context: IdentityContext, endpointId: string): Promise<Policy> {
  const { db } = context.app
  context.authorize(endpointPolicyRules.get, {})
  const endpoint = found(await findEndpoint(db, endpointId), 'endpoint', endpointId)
  const policyId = await policyIdFor(db, endpoint)
  const policy = policyId === undefined ? undefined : await findPolicy(db, policyId)
  return found(policy, 'policy for endpoint', endpointId)
}

/** Each with the policy as its effective one: a nearer association of another policy wins. */
export async function listEndpointsForPolicy(
  context: IdentityContext,
  policyId: string,
): Promise<Endpoint[]> {
  const { db } = context.app
  context.authorize(endpointPolicyRules.listEndpoints, {})
  found(await findPolicy(db, policyId), 'policy', policyId)
  const associations = await listPolicyAssociations(db, policyId)
  const candidates = (await listEndpoints(db)).filter((each) => associations.some((of) => mayBeFor(of, each)))
  const effective = await Promise.all(
    candidates.map(async (each) => (await policyIdFor(db, each)) === policyId),
  )
  return candidates.filter((_, at) => effective[at])
}

const mayBeFor = (of: PolicyAssociation, endpoint: Endpoint) =>
  of.endpointId ? of.endpointId === endpoint.id : of.serviceId === endpoint.serviceId
