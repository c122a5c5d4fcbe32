// Routes of the catalog's services. https://docs.openstack.org/api-ref/identity/v3/#service-catalog-and-endpoints
import { route } from '../app.ts'
import { changeService, createService, deleteService, getService, listServicesFor } from '../ops/service.ts'
import { serviceCreate, serviceRules, serviceUpdate, serviceView } from '../resources/service.ts'
import { listing } from './listing.ts'

export const serviceRoutes = [
  route('GET', '/services', {
    policy: serviceRules.list,
    handle: async (context, { query }) => {
      const rows = await listServicesFor(context, { type: query.get('type'), name: query.get('name') })
      const views = rows.map((row) => serviceView(row, context))
      return listing(context, '/services', query, 'services', views, ['name', 'type'])
    },
  }),
  route('POST', '/services', {
    policy: serviceRules.create,
    body: serviceCreate,
    status: 201,
    handle: async (context, { body }) => ({
      service: serviceView(await createService(context, body), context),
    }),
  }),
  route('GET', '/services/:service_id', {
    policy: serviceRules.get,
    handle: async (context, { params }) => ({
      service: serviceView(await getService(context, params.service_id!), context),
    }),
  }),
  route('PATCH', '/services/:service_id', {
    policy: serviceRules.update,
    body: serviceUpdate,
    handle: async (context, { params, body }) => ({
      service: serviceView(await changeService(context, params.service_id!, body), context),
    }),
  }),
  route('DELETE', '/services/:service_id', {
    policy: serviceRules.delete,
    handle: (context, { params }) => deleteService(context, params.service_id!),
  }),
]
