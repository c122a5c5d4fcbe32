// Routes of which policy is for which endpoint. https://docs.openstack.org/api-ref/identity/v3-ext/#os-endpoint-policy-api
import { route } from '../app.ts'
import {
  associatePolicy,
  checkPolicyAssociation,
  endPolicyAssociation,
  getPolicyForEndpoint,
  listEndpointsForPolicy,
} from '../ops/endpoint-policy.ts'
import { getPolicy } from '../ops/policy.ts'
import { endpointView } from '../resources/endpoint.ts'
import { endpointPolicyRules, policyAssociationRules } from '../resources/endpoint-policy.ts'
import { policyView } from '../resources/policy.ts'
import { listing } from './listing.ts'

const of = '/policies/:policy_id/OS-ENDPOINT-POLICY'
const places = [
  { path: `${of}/endpoints/:endpoint_id`, rules: policyAssociationRules.endpoint },
  { path: `${of}/services/:service_id`, rules: policyAssociationRules.service },
  { path: `${of}/services/:service_id/regions/:region_id`, rules: policyAssociationRules.regionAndService },
]
const placeOf = (params: Record<string, string>) => ({
  endpointId: params.endpoint_id ?? '',
  serviceId: params.service_id ?? '',
  regionId: params.region_id ?? '',
})

export const endpointPolicyRoutes = [
  ...places.flatMap(({ path, rules }) => [
    route('PUT', path, {
      policy: rules.create,
      handle: (context, { params }) => associatePolicy(context, params.policy_id!, placeOf(params)),
    }),
    route('GET', path, {
      policy: rules.check,
      handle: (context, { params }) => checkPolicyAssociation(context, params.policy_id!, placeOf(params)),
    }),
    route('DELETE', path, {
      policy: rules.delete,
      handle: (context, { params }) => endPolicyAssociation(context, params.policy_id!, placeOf(params)),
    }),
  ]),
  // As it is documented; clients ask by the endpoint, below.
  route('GET', `${of}/policy`, {
    policy: endpointPolicyRules.get,
    handle: async (context, { params }) => ({
      policy: policyView(await getPolicy(context, params.policy_id!), context),
    }),
  }),
  route('GET', `${of}/endpoints`, {
    policy: endpointPolicyRules.listEndpoints,
    handle: async (context, { params, query }) => {
      const rows = await listEndpointsForPolicy(context, params.policy_id!)
      const views = rows.map((row) => endpointView(row, context))
      const path = `/policies/${params.policy_id}/OS-ENDPOINT-POLICY/endpoints`
      return listing(context, path, query, 'endpoints', views)
    },
  }),
  route('GET', '/endpoints/:endpoint_id/OS-ENDPOINT-POLICY/policy', {
    policy: endpointPolicyRules.get,
    handle: async (context, { params }) => ({
      policy: policyView(await getPolicyForEndpoint(context, params.endpoint_id!), context),
    }),
  }),
]
