// Routes of stores, and of the ways in which bytes may come.
import { route } from '../app.ts'
import { deleteFromStore } from '../ops/location.ts'
import { describeStores, importMethodsOf, listStores } from '../ops/store.ts'

export const storeRoutes = [
  route('GET', '/info/stores', {
    policy: 'token',
    handle: async ({ app }) => ({ stores: listStores(app) }),
  }),
  route('GET', '/info/stores/detail', {
    policy: 'token',
    handle: async (context) => ({ stores: describeStores(context) }),
  }),
  route('GET', '/info/import', {
    policy: 'token',
    handle: async ({ app }) => ({
      'import-methods': {
        description: 'Import methods available.',
        type: 'array',
        value: importMethodsOf(app),
      },
    }),
  }),
  route('DELETE', '/stores/:store/:id', {
    policy: 'token',
    handle: (context, { params }) => deleteFromStore(context, params.store!, params.id!),
  }),
]
