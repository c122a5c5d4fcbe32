// Routes of trusts. https://docs.openstack.org/api-ref/identity/v3-ext/#os-trust-api
import { route } from '../app.ts'
import {
  createTrust,
  deleteTrust,
  getTrust,
  getTrustRole,
  listTrustRoles,
  listTrustsFor,
} from '../ops/trust.ts'
import { roleView } from '../resources/role.ts'
import { trustCreate, trustView } from '../resources/trust.ts'
import { listing } from './listing.ts'

export const trustRoutes = [
  route('GET', '/OS-TRUST/trusts', {
    policy: 'token',
    handle: async (context, { query }) => {
      const rows = await listTrustsFor(context, {
        trustorUserId: query.get('trustor_user_id'),
        trusteeUserId: query.get('trustee_user_id'),
      })
      const views = rows.map((row) => trustView(row, context))
      return listing(context, '/OS-TRUST/trusts', query, 'trusts', views)
    },
  }),
  route('POST', '/OS-TRUST/trusts', {
    policy: 'token',
    body: trustCreate,
    status: 201,
    handle: async (context, { body }) => ({ trust: trustView(await createTrust(context, body), context) }),
  }),
  route('GET', '/OS-TRUST/trusts/:trust_id', {
    policy: 'token',
    handle: async (context, { params }) => ({
      trust: trustView(await getTrust(context, params.trust_id!), context),
    }),
  }),
  route('DELETE', '/OS-TRUST/trusts/:trust_id', {
    policy: 'token',
    handle: (context, { params }) => deleteTrust(context, params.trust_id!),
  }),
  route('GET', '/OS-TRUST/trusts/:trust_id/roles', {
    policy: 'token',
    handle: async (context, { params, query }) => {
      const views = (await listTrustRoles(context, params.trust_id!)).map((role) => roleView(role, context))
      return listing(context, `/OS-TRUST/trusts/${params.trust_id}/roles`, query, 'roles', views)
    },
  }),
  route('GET', '/OS-TRUST/trusts/:trust_id/roles/:role_id', {
    policy: 'token',
    handle: async (context, { params }) => ({
      role: roleView(await getTrustRole(context, params.trust_id!, params.role_id!), context),
    }),
  }),
]
