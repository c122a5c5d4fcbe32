// Routes of policies. https://docs.openstack.org/api-ref/identity/v3/#policies
import { route } from '../app.ts'
import { changePolicy, createPolicy, deletePolicy, getPolicy, listPoliciesFor } from '../ops/policy.ts'
import { policyCreate, policyRules, policyUpdate, policyView } from '../resources/policy.ts'
import { listing } from './listing.ts'

export const policyRoutes = [
  route('GET', '/policies', {
    policy: policyRules.list,
    handle: async (context, { query }) => {
      const rows = await listPoliciesFor(context, { type: query.get('type') })
      const views = rows.map((row) => policyView(row, context))
      return listing(context, '/policies', query, 'policies', views, ['type'])
    },
  }),
  route('POST', '/policies', {
    policy: policyRules.create,
    body: policyCreate,
    status: 201,
    handle: async (context, { body }) => ({ policy: policyView(await createPolicy(context, body), context) }),
  }),
  route('GET', '/policies/:policy_id', {
    policy: policyRules.get,
    handle: async (context, { params }) => ({
      policy: policyView(await getPolicy(context, params.policy_id!), context),
    }),
  }),
  route('PATCH', '/policies/:policy_id', {
    policy: policyRules.update,
    body: policyUpdate,
    handle: async (context, { params, body }) => ({
      policy: policyView(await changePolicy(context, params.policy_id!, body), context),
    }),
  }),
  route('DELETE', '/policies/:policy_id', {
    policy: policyRules.delete,
    handle: (context, { params }) => deletePolicy(context, params.policy_id!),
  }),
]
