// Routes of application credentials and their access rules.
// https://docs.openstack.org/api-ref/identity/v3/#application-credentials
import { route } from '../app.ts'
import {
  createApplicationCredential,
  deleteAccessRule,
  deleteApplicationCredential,
  getAccessRule,
  getApplicationCredential,
  listAccessRulesFor,
  listApplicationCredentialsFor,
} from '../ops/application-credential.ts'
import {
  accessRuleView,
  applicationCredentialCreate,
  applicationCredentialView,
} from '../resources/application-credential.ts'
import { listing } from './listing.ts'

const many = '/users/:user_id/application_credentials'
const rules = '/users/:user_id/access_rules'

export const applicationCredentialRoutes = [
  route('GET', many, {
    policy: 'token',
    handle: async (context, { params, query }) => {
      const rows = await listApplicationCredentialsFor(context, params.user_id!, query.get('name'))
      const views = rows.map((row) => applicationCredentialView(row, context))
      const path = `/users/${params.user_id}/application_credentials`
      return listing(context, path, query, 'application_credentials', views, ['name'])
    },
  }),
  route('POST', many, {
    policy: 'token',
    body: applicationCredentialCreate,
    status: 201,
    handle: async (context, { params, body }) => {
      const made = await createApplicationCredential(context, params.user_id!, body)
      return { application_credential: applicationCredentialView(made, context) }
    },
  }),
  route('GET', `${many}/:application_credential_id`, {
    policy: 'token',
    handle: async (context, { params }) => {
      const row = await getApplicationCredential(context, params.user_id!, params.application_credential_id!)
      return { application_credential: applicationCredentialView(row, context) }
    },
  }),
  route('DELETE', `${many}/:application_credential_id`, {
    policy: 'token',
    handle: (context, { params }) =>
      deleteApplicationCredential(context, params.user_id!, params.application_credential_id!),
  }),
  route('GET', rules, {
    policy: 'token',
    handle: async (context, { params, query }) => {
      const views = (await listAccessRulesFor(context, params.user_id!)).map((row) =>
        accessRuleView(row, context),
      )
      return listing(context, `/users/${params.user_id}/access_rules`, query, 'access_rules', views)
    },
  }),
  route('GET', `${rules}/:access_rule_id`, {
    policy: 'token',
    handle: async (context, { params }) => ({
      access_rule: accessRuleView(
        await getAccessRule(context, params.user_id!, params.access_rule_id!),
        context,
      ),
    }),
  }),
  route('DELETE', `${rules}/:access_rule_id`, {
    policy: 'token',
    handle: (context, { params }) => deleteAccessRule(context, params.user_id!, params.access_rule_id!),
  }),
]
