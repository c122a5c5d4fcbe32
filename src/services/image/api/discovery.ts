// Version documents, schemas, and what the set-up offers.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { answer, type Context } from '#kit/http/route.ts'
import { type ImageApp, route } from '../app.ts'
import { metadefSchemas } from '../resources/metadef-schema.ts'
import { imageSchemas } from '../resources/schema.ts'

const always = ['v2.7', 'v2.6', 'v2.5', 'v2.4', 'v2.3', 'v2.2', 'v2.1', 'v2.0']

/** Some are there only with what they brought: the cache, or several stores. The first one is current. */
function versions({ origin, app }: Context<ImageApp>) {
  const links = [{ rel: 'self', href: `${origin}/v2/` }]
  const cache = app.config.cache ? ['v2.16', 'v2.15', 'v2.14'] : ['v2.15']
  const stores = app.stores.several ? ['v2.13', 'v2.12', 'v2.11', 'v2.10', 'v2.9', 'v2.8'] : ['v2.9']
  const ids = [...cache, ...stores, ...always]
  return { versions: ids.map((id, at) => ({ id, status: at === 0 ? 'CURRENT' : 'SUPPORTED', links })) }
}

export const discoveryRoutes = [
  route('GET', '/', {
    policy: 'public',
    root: true,
    handle: async (context) => answer({ status: 300, body: versions(context) }),
  }),
  route('GET', '/versions', { policy: 'public', root: true, handle: async (context) => versions(context) }),
  // Not of the root, so that the path with a slash, where it leads, is another one.
  route('GET', '', {
    policy: 'public',
    handle: async ({ origin }) => answer({ status: 302, headers: { location: `${origin}/v2/` } }),
  }),
  route('GET', '/schemas/:name', {
    policy: 'token',
    handle: async (_, { params }) => known(imageSchemas, params.name!),
  }),
  route('GET', '/schemas/metadefs/:name', {
    policy: 'token',
    handle: async (_, { params }) => known(metadefSchemas, params.name!),
  }),
]

function known(schemas: Record<string, object>, name: string): object {
  const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined
  if (!schema) throw new CloudError('notFound', 'The resource could not be found.')
  return schema
}
