// Routes of regions. https://docs.openstack.org/api-ref/identity/v3/#regions
import { route } from '../app.ts'
import { changeRegion, createRegion, deleteRegion, getRegion, listRegionsFor } from '../ops/region.ts'
import { regionCreate, regionRules, regionUpdate, regionView } from '../resources/region.ts'
import { listing } from './listing.ts'

export const regionRoutes = [
  route('GET', '/regions', {
    policy: regionRules.list,
    handle: async (context, { query }) => {
      const rows = await listRegionsFor(context, { parentRegionId: query.get('parent_region_id') })
      const views = rows.map((row) => regionView(row, context))
      return listing(context, '/regions', query, 'regions', views)
    },
  }),
  route('POST', '/regions', {
    policy: regionRules.create,
    body: regionCreate,
    status: 201,
    handle: async (context, { body }) => ({ region: regionView(await createRegion(context, body), context) }),
  }),
  // The older way to choose the id.
  route('PUT', '/regions/:region_id', {
    policy: regionRules.create,
    body: regionCreate,
    status: 201,
    handle: async (context, { params, body }) => ({
      region: regionView(await createRegion(context, { ...body, id: params.region_id! }), context),
    }),
  }),
  route('GET', '/regions/:region_id', {
    policy: regionRules.get,
    handle: async (context, { params }) => ({
      region: regionView(await getRegion(context, params.region_id!), context),
    }),
  }),
  route('PATCH', '/regions/:region_id', {
    policy: regionRules.update,
    body: regionUpdate,
    handle: async (context, { params, body }) => ({
      region: regionView(await changeRegion(context, params.region_id!, body), context),
    }),
  }),
  route('DELETE', '/regions/:region_id', {
    policy: regionRules.delete,
    handle: (context, { params }) => deleteRegion(context, params.region_id!),
  }),
]
