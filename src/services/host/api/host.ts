// Routes of hosts, and of joining.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { isTrue } from '#kit/http/query.ts'
import { answer } from '#kit/http/route.ts'
import { route } from '../app.ts'
import { listHosts, showHost, switchHost } from '../ops/host.ts'
import { joinHost } from '../ops/member.ts'
import { removeHost } from '../ops/removal.ts'
import { hostDisable, hostJoin, hostView } from '../resources/host.ts'
import { hostRules } from '../rule.ts'

export const hostRoutes = [
  route('GET', '/', {
    policy: 'public',
    root: true,
    handle: async ({ origin }) => ({
      versions: [{ id: 'v1.0', status: 'CURRENT', links: [{ rel: 'self', href: `${origin}/v1/` }] }],
    }),
  }),
  // Nothing secret: whoever joins compares it with the fingerprint in its token, and says nothing before.
  route('GET', '/authority', {
    policy: 'public',
    handle: async ({ app }) => {
      if (app.around.notJoinable()) throw new CloudError('notFound', 'No host can join this cloud.')
      return { authority: (await app.around.authority()).certificate }
    },
  }),
  route('GET', '/cloud', {
    policy: 'public',
    handle: async ({ app }) => ({ cloud: app.around.publicFacts() }),
  }),
  route('POST', '/hosts', {
    policy: 'public',
    body: hostJoin,
    status: 201,
    handle: async (context, { body }) => {
      const { host, ...given } = await joinHost(context, body)
      const { publicFacts, memberFacts } = context.app.around
      return { host: { name: host.name }, ...given, cloud: { ...publicFacts(), ...memberFacts() } }
    },
  }),
  route('GET', '/hosts', {
    policy: hostRules.list,
    handle: async ({ app, trace }) => ({
      hosts: (await listHosts(app, trace)).map((each) => hostView(each)),
    }),
  }),
  route('GET', '/hosts/:name', {
    policy: hostRules.list,
    handle: async ({ app, trace }, { params }) => ({
      host: hostView(await showHost(app, trace, params.name!)),
    }),
  }),
  route('PUT', '/hosts/:name/disable', {
    policy: hostRules.update,
    body: hostDisable,
    handle: async (context, { params, body }) => ({
      host: hostView(await switchHost(context, params.name!, { disabled: true, reason: body.reason })),
    }),
  }),
  route('PUT', '/hosts/:name/enable', {
    policy: hostRules.update,
    handle: async (context, { params }) => ({
      host: hostView(await switchHost(context, params.name!, { disabled: false })),
    }),
  }),
  route('DELETE', '/hosts/:name', {
    policy: hostRules.remove,
    handle: async ({ app, trace, caller }, { params, query }) => {
      const force = isTrue(query.get('force'))
      const done = await removeHost(app, trace, { host: params.name!, force, userId: caller.userId })
      return answer({
        status: 200,
        body: { host: { name: params.name, status: done ? 'removed' : 'removing' } },
      })
    },
  }),
]
