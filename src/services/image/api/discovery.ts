// Version documents, schemas, and what the set-up offers.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { answer, type Context } from '#kit/http/route.ts'
import { type ImageApp, route } from '../app.ts'
import { metadefSchemas } from '../resources/metadef-schema.ts'
import { imageSchemas } from '../resources/schema.ts'

const supported = ['v2.9', 'v2.7', 'v2.6', 'v2.5', 'v2.4', 'v2.3', 'v2.2', 'v2.1', 'v2.0']

function versions({ origin }: Context<ImageApp>) {
  const links = [{ rel: 'self', href: `${origin}/v2/` }]
  return {
    versions: [
      { id: 'v2.15', status: 'CURRENT', links },
      ...supported.map((id) => ({ id, status: 'SUPPORTED', links })),
    ],
  }
}

export const discoveryRoutes = [
  route('GET', '/', {
    policy: 'public',
    root: true,
    handle: async (context) => answer({ status: 300, body: versions(context) }),
  }),
  route('GET', '/versions', { policy: 'public', root: true, handle: async (context) => versions(context) }),
  route('GET', '/v2', {
    policy: 'public',
    root: true,
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
