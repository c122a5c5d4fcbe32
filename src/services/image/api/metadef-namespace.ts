// Routes of namespaces of metadata definitions.
import { firstUrl, nextUrl } from '#kit/http/page.ts'
import { answer } from '#kit/http/route.ts'
import { route } from '../app.ts'
import * as ops from '../ops/metadef-namespace.ts'
import { metadefRules } from '../resources/metadef.ts'
import { namespaceBody, namespaceView } from '../resources/metadef-namespace.ts'

const base = '/v2/metadefs/namespaces'

export const metadefNamespaceRoutes = [
  route('GET', '/metadefs/namespaces', {
    policy: metadefRules.listNamespaces,
    handle: async (context, { query }) => {
      const { namespaces, next } = await ops.listNamespaces(context, query)
      return {
        namespaces: namespaces.map(namespaceView),
        ...(next !== undefined && { next: nextUrl(base, query, next) }),
        first: firstUrl(base, query),
        schema: '/v2/schemas/metadefs/namespaces',
      }
    },
  }),
  route('POST', '/metadefs/namespaces', {
    policy: metadefRules.addNamespace,
    body: namespaceBody,
    handle: async (context, { body }) => {
      const made = await ops.createNamespace(context, body)
      const location = `${context.origin}${base}/${encodeURIComponent(made.namespace.namespace)}`
      return answer({ status: 201, headers: { location }, body: namespaceView(made) })
    },
  }),
  route('GET', '/metadefs/namespaces/:namespace', {
    policy: 'token',
    handle: async (context, { params, query }) =>
      namespaceView(await ops.showNamespace(context, params.namespace!, query.get('resource_type'))),
  }),
  route('PUT', '/metadefs/namespaces/:namespace', {
    policy: 'token',
    body: namespaceBody,
    handle: async (context, { params, body }) =>
      namespaceView(await ops.updateNamespace(context, params.namespace!, body)),
  }),
  route('DELETE', '/metadefs/namespaces/:namespace', {
    policy: 'token',
    handle: (context, { params }) => ops.deleteNamespace(context, params.namespace!),
  }),
]
