// Routes of extensions, and of what provides routers.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { route } from '../app.ts'
import { extensionViews } from '../resources/extension.ts'

export const extensionRoutes = [
  route('GET', '/extensions', { policy: 'token', handle: async () => ({ extensions: extensionViews }) }),
  route('GET', '/extensions/:alias', {
    policy: 'token',
    handle: async (_, { params }) => {
      const extension = extensionViews.find((each) => each.alias === params.alias)
      if (extension) return { extension }
      throw new CloudError('notFound', `Extension with alias ${params.alias} does not exist`, {
        type: 'ExtensionNotFound',
      })
    },
  }),
]

/** As an ML2 service without flavors shows it: one agent on one host serves a router. */
export const serviceProviderRoutes = [
  route('GET', '/service-providers', {
    policy: 'token',
    handle: async () => ({
      service_providers: [{ service_type: 'L3_ROUTER_NAT', name: 'single_node', default: true }],
    }),
  }),
]
