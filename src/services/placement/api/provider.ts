// Routes of resource providers.
import { answer } from '#kit/http/route.ts'
import { route } from '../app.ts'
import { createProvider, deleteProvider, getProvider, updateProvider } from '../ops/provider.ts'
import { listProviders } from '../ops/provider-list.ts'
import { providerCreate, providerRules, providerUpdate, providerView } from '../resources/provider.ts'
import { dated, latest, located } from './reply.ts'

const bodyOnCreateSince = 1020

export const providerRoutes = [
  route('GET', '/resource_providers', {
    policy: providerRules.list,
    handle: async (context, { query }) => {
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
      return located(dated(context, providerView(row, context), row.updatedAt), location)
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
