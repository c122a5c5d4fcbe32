// Versions, extensions, and the families of calls that compute once had.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Method } from '#kit/http/route.ts'
import type { Microversions } from '#kit/http/version.ts'
import { type ComputeContext, route } from '../app.ts'
import { extensionRules, extensions, extensionView } from '../resources/extension.ts'

export const microversions: Microversions = {
  type: 'compute',
  min: '2.1',
  max: '2.93',
  legacyHeader: 'X-OpenStack-Nova-API-Version',
}

const self = (origin: string, id: 'v2' | 'v2.1') => ({ rel: 'self', href: `${origin}/${id}/` })
const current = (origin: string) => ({
  id: 'v2.1',
  status: 'CURRENT',
  version: microversions.max,
  min_version: microversions.min,
  updated: '2013-07-23T11:33:21Z',
  links: [self(origin, 'v2.1')],
})
const legacy = (origin: string) => ({
  id: 'v2.0',
  status: 'SUPPORTED',
  version: '',
  min_version: '',
  updated: '2011-01-21T11:33:21Z',
  links: [self(origin, 'v2')],
})
const described = (document: ReturnType<typeof current | typeof legacy>, version: '2' | '2.1') => ({
  ...document,
  links: [...document.links, { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' }],
  'media-types': [
    { base: 'application/json', type: `application/vnd.openstack.compute+json;version=${version}` },
  ],
})
const showCurrent = async ({ origin }: ComputeContext) => ({ version: described(current(origin), '2.1') })
const showLegacy = async ({ origin }: ComputeContext) => ({ version: described(legacy(origin), '2') })

export const versionRoutes = [
  route('GET', '/', {
    root: true,
    policy: 'public',
    handle: async ({ origin }) => ({ versions: [legacy(origin), current(origin)] }),
  }),
  route('GET', '/v2.1', { root: true, policy: 'public', handle: showCurrent }),
  route('GET', '/v2', { root: true, policy: 'public', handle: showLegacy }),
]

export const extensionRoutes = [
  route('GET', '/extensions', {
    policy: extensionRules.list,
    handle: async () => ({ extensions: extensions.map((each) => extensionView(each)) }),
  }),
  route('GET', '/extensions/:alias', {
    policy: extensionRules.list,
    handle: async (_context, { params }) => {
      const found = extensions.find((each) => each.alias === params.alias)
      if (!found) throw new CloudError('notFound', 'The resource could not be found.')
      return { extension: extensionView(found) }
    },
  }),
]

/** Families that Nova itself has taken away: gone at every version. */
const removed = [
  '/os-agents',
  '/os-cells',
  '/os-certificates',
  '/os-cloudpipe',
  '/os-fixed-ips',
  '/os-floating-ip-dns',
  '/os-floating-ips-bulk',
  '/os-fping',
  '/os-networks-associate',
  '/os-security-group-default-rules',
  '/os-virtual-interfaces',
  '/servers/:id/consoles',
  '/servers/:id/os-virtual-interfaces',
]
const methods: Method[] = ['GET', 'POST', 'PUT', 'DELETE']
const gone = async () => {
  throw new CloudError('gone', 'This API has been removed.')
}
export const removedRoutes = removed.flatMap((path) =>
  methods.flatMap((method) => [
    route(method, path, { policy: 'token', status: 410, handle: gone }),
    route(method, `${path}/:item`, { policy: 'token', status: 410, handle: gone }),
  ]),
)
