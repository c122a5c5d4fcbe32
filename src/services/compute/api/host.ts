// os-hosts, until 2.42. Hosts are enabled and disabled through os-services, and aren't switched on or off by an API.
import { route } from '../app.ts'
import { listHosts, sharesOfHost } from '../ops/host.ts'
import { hostRules, hostShareView, hostView } from '../resources/host.ts'

export const hostRoutes = [
  route('GET', '/os-hosts', {
    until: '2.42',
    policy: hostRules.list,
    handle: async (context, { query }) => ({
      hosts: (await listHosts(context, query.get('zone'))).map((each) => hostView(each, context)),
    }),
  }),
  route('GET', '/os-hosts/:host', {
    until: '2.42',
    policy: hostRules.show,
    handle: async (context, { params }) => {
      const shares = await sharesOfHost(context, params.host!)
      return { host: shares.map((each) => ({ resource: hostShareView(each, context) })) }
    },
  }),
]
