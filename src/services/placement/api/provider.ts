// Routes of resource providers.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { answer, type Query } from '#kit/http/route.ts'
import { type PlacementContext, route } from '../app.ts'
import { createProvider, deleteProvider, getProvider, updateProvider } from '../ops/provider.ts'
import { listProviders } from '../ops/provider-list.ts'
import { providerCreate, providerRules, providerUpdate, providerView } from '../resources/provider.ts'
import { dated, latest } from './reply.ts'

const bodyOnCreateSince = 1020
const noRepeat = ['name', 'uuid', 'in_tree', 'resources', 'required', 'member_of']

export const providerRoutes = [
  route('GET', '/resource_providers', {
    policy: providerRules.list,
    handle: async (context, { query }) => {
      refuseUnknown(query, context)
      const rows = await listProviders(context, query)
      return dated(
        context,
        { resource_providers: rows.map((row) => providerView(row, context)) },
        latest(rows),
      )
    },
  }),
  route('POST', '/resource_providers', {
    policy: providerRules.create,
    body: providerCreate,
    handle: async (context, { body }) => {
      const row = await createProvider(context, body)
      const location = `${context.origin}/resource_providers/${row.uuid}`
      if ((context.version ?? 0) < bodyOnCreateSince) return answer({ status: 201, headers: { location } })
      const reply = dated(context, providerView(row, context), row.updatedAt, 200).reply
      return answer({ ...reply, headers: { ...reply.headers, location } })
    },
  }),
  route('GET', '/resource_providers/:uuid', {
    policy: providerRules.show,
    handle: async (context, { params }) => {
      const row = await getProvider(context, params.uuid!)
      return dated(context, providerView(row, context), row.updatedAt)
    },
  }),
  route('PUT', '/resource_providers/:uuid', {
    policy: providerRules.update,
    body: providerUpdate,
    handle: async (context, { params, body }) => {
      const row = await updateProvider(context, params.uuid!, body)
      return dated(context, providerView(row, context), row.updatedAt)
    },
  }),
  route('DELETE', '/resource_providers/:uuid', {
    policy: providerRules.delete,
    handle: (context, { params }) => deleteProvider(context, params.uuid!),
  }),
]

/** The version from which the list takes each argument. */
const since: Record<string, number> = {
  name: 1000,
  uuid: 1000,
  member_of: 1003,
  resources: 1004,
  in_tree: 1014,
  required: 1018,
}

function refuseUnknown(query: Query, context: PlacementContext): void {
  for (const name of query.names()) {
    if (!(name in since) || (context.version ?? 0) < since[name]!) {
      throw new CloudError(
        'badRequest',
        `Invalid query string parameters: Additional properties are not allowed ('${name}' was unexpected)`,
      )
    }
    if (name !== 'member_of' && noRepeat.includes(name) && query.all(name).length > 1) {
      throw new CloudError('badRequest', `Invalid query string parameters: '${name}' is given more than once`)
    }
  }
}
