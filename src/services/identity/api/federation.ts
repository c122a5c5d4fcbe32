// Routes of federation as far as it is served: clients that ask which providers there are hear that there are none.
// https://docs.openstack.org/api-ref/identity/v3-ext/#os-federation-api
import type { PolicyRule } from '#kit/policy/policy.ts'
import { route } from '../app.ts'
import { notFound } from '../ops/change.ts'
import {
  identityProviderRules,
  mappingRules,
  protocolRules,
  serviceProviderRules,
} from '../resources/federation.ts'
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
  route('GET', '/OS-FEDERATION/identity_providers/:id/protocols', {
    policy: protocolRules.list,
    handle: async (_context, { params }) => {
      throw notFound('identity provider', params.id!)
    },
  }),
]
