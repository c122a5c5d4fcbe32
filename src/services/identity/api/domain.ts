// Routes of domains. https://docs.openstack.org/api-ref/identity/v3/#domains
import { route } from '../app.ts'
import { changeDomain, createDomain, deleteDomain, getDomain, listDomains } from '../ops/domain.ts'
import { domainCreate, domainUpdate, domainView } from '../resources/domain.ts'
import { listing, truth } from './listing.ts'

export const domainRoutes = [
  route('GET', '/domains', {
    policy: 'token',
    handle: async (context, { query }) => {
      const filter = { name: query.get('name'), enabled: truth(query, 'enabled') }
      const views = (await listDomains(context, filter)).map((row) => domainView(row, context))
      return listing(context, '/domains', query, 'domains', views, ['name'])
    },
  }),
  route('POST', '/domains', {
    policy: 'token',
    body: domainCreate,
    status: 201,
    handle: async (context, { body }) => ({ domain: domainView(await createDomain(context, body), context) }),
  }),
  route('GET', '/domains/:domain_id', {
    policy: 'token',
    handle: async (context, { params }) => ({
      domain: domainView(await getDomain(context, params.domain_id!), context),
    }),
  }),
  route('PATCH', '/domains/:domain_id', {
    policy: 'token',
    body: domainUpdate,
    handle: async (context, { params, body }) => ({
      domain: domainView(await changeDomain(context, params.domain_id!, body), context),
    }),
  }),
  route('DELETE', '/domains/:domain_id', {
    policy: 'token',
    handle: (context, { params }) => deleteDomain(context, params.domain_id!),
  }),
]
