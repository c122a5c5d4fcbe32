// Routes of federation as far as it is served: clients that ask which providers there are hear that there are none.
// https://docs.openstack.org/api-ref/identity/v3-ext/#os-federation-api
import type { PolicyRule } from '#kit/policy/policy.ts'
import { route } from '../app.ts'
import { notFound } from '../ops/change.ts'
import { domainsOfUser, projectsOfUser } from '../ops/effective-role.ts'
import { domainView } from '../resources/domain.ts'
import {
  federatedScopeRules,
  identityProviderRules,
  mappingRules,
  protocolRules,
  serviceProviderRules,
} from '../resources/federation.ts'
import { projectView } from '../resources/project.ts'
import { listing } from './listing.ts'

type Kind = { collection: string; words: string; rules: { list: PolicyRule; get: PolicyRule } }
const kinds: Kind[] = [
  { collection: 'identity_providers', words: 'identity provider', rules: identityProviderRules },
  { collection: 'mappings', words: 'mapping', rules: mappingRules },
  { collection: 'service_providers', words: 'service provider', rules: serviceProviderRules },
]

export const federationRoutes = [
  ...kinds.flatMap(({ collection, words, rules }) => [
    route('GET', `/OS-FEDERATION/${collection}`, {
      policy: rules.list,
      handle: async (context, { query }) =>
        listing(context, `/OS-FEDERATION/${collection}`, query, collection, []),
    }),
    route('GET', `/OS-FEDERATION/${collection}/:id`, {
      policy: rules.get,
      handle: async (_context, { params }) => {
        throw notFound(words, params.id!)
      },
    }),
  ]),
  route('GET', '/OS-FEDERATION/projects', {
    policy: federatedScopeRules.projects,
    handle: async (context, { query }) => {
      const rows = await projectsOfUser(context.app.db, context.caller.userId)
      const views = rows.filter((row) => row.enabled).map((row) => projectView(row, context))
      return listing(context, '/OS-FEDERATION/projects', query, 'projects', views)
    },
  }),
  route('GET', '/OS-FEDERATION/domains', {
    policy: federatedScopeRules.domains,
    handle: async (context, { query }) => {
      const rows = await domainsOfUser(context.app.db, context.caller.userId)
      const views = rows.filter((row) => row.enabled).map((row) => domainView(row, context))
      return listing(context, '/OS-FEDERATION/domains', query, 'domains', views)
    },
  }),
  route('GET', '/OS-FEDERATION/identity_providers/:id/protocols', {
    policy: protocolRules.list,
    handle: async (_context, { params }) => {
      throw notFound('identity provider', params.id!)
    },
  }),
]
