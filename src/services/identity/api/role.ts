// Routes of roles and of role inference. https://docs.openstack.org/api-ref/identity/v3/#roles
import { type IdentityContext, route } from '../app.ts'
import {
  addImplied,
  changeRole,
  createRole,
  deleteRole,
  getImplied,
  getRole,
  type Inference,
  listImplied,
  listInferences,
  listRolesFor,
  removeImplied,
} from '../ops/role.ts'
import {
  implicationRules,
  type Role,
  roleCreate,
  roleReference,
  roleUpdate,
  roleView,
} from '../resources/role.ts'
import { listing } from './listing.ts'

const inferenceView = ({ prior, implied }: Inference, context: IdentityContext) => ({
  prior_role: roleReference(prior, context),
  implies: implied.map((role) => roleReference(role, context)),
})

const pairView = ({ prior, implied }: { prior: Role; implied: Role }, context: IdentityContext) => ({
  role_inference: { prior_role: roleReference(prior, context), implies: roleReference(implied, context) },
  links: { self: `${context.origin}/v3/roles/${prior.id}/implies/${implied.id}` },
})

const impliesPath = '/roles/:role_id/implies/:implied_role_id'

export const roleRoutes = [
  route('GET', '/roles', {
    policy: 'token',
    handle: async (context, { query }) => {
      const filter = { name: query.get('name'), domainId: query.get('domain_id') }
      const views = (await listRolesFor(context, filter)).map((row) => roleView(row, context))
      return listing(context, '/roles', query, 'roles', views, ['name'])
    },
  }),
  route('POST', '/roles', {
    policy: 'token',
    body: roleCreate,
    status: 201,
    handle: async (context, { body }) => ({ role: roleView(await createRole(context, body), context) }),
  }),
  route('GET', '/roles/:role_id', {
    policy: 'token',
    handle: async (context, { params }) => ({
      role: roleView(await getRole(context, params.role_id!), context),
    }),
  }),
  route('PATCH', '/roles/:role_id', {
    policy: 'token',
    body: roleUpdate,
    handle: async (context, { params, body }) => ({
      role: roleView(await changeRole(context, params.role_id!, body), context),
    }),
  }),
  route('DELETE', '/roles/:role_id', {
    policy: 'token',
    handle: (context, { params }) => deleteRole(context, params.role_id!),
  }),
  route('GET', '/role_inferences', {
    policy: 'token',
    handle: async (context) => ({
      role_inferences: (await listInferences(context)).map((each) => inferenceView(each, context)),
      links: { self: `${context.origin}/v3/role_inferences` },
    }),
  }),
  route('GET', '/roles/:role_id/implies', {
    policy: 'token',
    handle: async (context, { params }) => ({
      role_inference: inferenceView(await listImplied(context, params.role_id!), context),
      links: { self: `${context.origin}/v3/roles/${params.role_id}/implies` },
    }),
  }),
  route('GET', impliesPath, {
    policy: 'token',
    handle: async (context, { params }) =>
      pairView(await getImplied(context, params.role_id!, params.implied_role_id!), context),
  }),
  route('HEAD', impliesPath, {
    policy: 'token',
    status: 204,
    handle: async (context, { params }) =>
      void (await getImplied(context, params.role_id!, params.implied_role_id!, implicationRules.check)),
  }),
  route('PUT', impliesPath, {
    policy: 'token',
    status: 201,
    handle: async (context, { params }) =>
      pairView(await addImplied(context, params.role_id!, params.implied_role_id!), context),
  }),
  route('DELETE', impliesPath, {
    policy: 'token',
    handle: (context, { params }) => removeImplied(context, params.role_id!, params.implied_role_id!),
  }),
]
