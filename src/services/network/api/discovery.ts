// Version documents: https://docs.openstack.org/api-ref/network/v2/#api-versions
import { type NetworkContext, route } from '../app.ts'

const core = ['network', 'subnet', 'port']

const version = ({ origin }: NetworkContext) => ({
  id: 'v2.0',
  status: 'CURRENT',
  links: [{ rel: 'self', href: `${origin}/v2.0/` }],
})

export const discoveryRoutes = [
  route('GET', '/', {
    policy: 'public',
    root: true,
    handle: async (context) => ({ versions: [version(context)] }),
  }),
  route('GET', '/v2.0', {
    policy: 'token',
    root: true,
    handle: async ({ origin }) => ({
      resources: core.map((name) => ({
        name,
        collection: `${name}s`,
        links: [{ rel: 'self', href: `${origin}/v2.0/${name}s` }],
      })),
    }),
  }),
]
