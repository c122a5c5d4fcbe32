// Routes of endpoints. https://docs.openstack.org/api-ref/identity/v3/#service-catalog-and-endpoints
import { route } from '../app.ts'
import {
  changeEndpoint,
  createEndpoint,
  deleteEndpoint,
  getEndpoint,
  listEndpointsFor,
} from '../ops/endpoint.ts'
import {
  endpointCreate,
  endpointRules,
  endpointUpdate,
  endpointView,
  type Interface,
} from '../resources/endpoint.ts'
import { listing } from './listing.ts'

export const endpointRoutes = [
  route('GET', '/endpoints', {
    policy: endpointRules.list,
    handle: async (context, { query }) => {
      const rows = await listEndpointsFor(context, {
        serviceId: query.get('service_id'),
        // Another word matches no row.
        interface: query.get('interface') as Interface | undefined,
        regionId: query.get('region_id') ?? query.get('region'),
      })
      const views = rows.map((row) => endpointView(row, context))
      return listing(context, '/endpoints', query, 'endpoints', views)
    },
  }),
  route('POST', '/endpoints', {
    policy: endpointRules.create,
    body: endpointCreate,
    status: 201,
    handle: async (context, { body }) => ({
      endpoint: endpointView(await createEndpoint(context, body), context),
    }),
  }),
  route('GET', '/endpoints/:endpoint_id', {
    policy: endpointRules.get,
    handle: async (context, { params }) => ({
      endpoint: endpointView(await getEndpoint(context, params.endpoint_id!), context),
    }),
  }),
  route('PATCH', '/endpoints/:endpoint_id', {
    policy: endpointRules.update,
    body: endpointUpdate,
    handle: async (context, { params, body }) => ({
      endpoint: endpointView(await changeEndpoint(context, params.endpoint_id!, body), context),
    }),
  }),
  route('DELETE', '/endpoints/:endpoint_id', {
    policy: endpointRules.delete,
    handle: (context, { params }) => deleteEndpoint(context, params.endpoint_id!),
  }),
]
