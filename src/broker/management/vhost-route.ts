// /api/vhosts with their rights and limits, /api/policies, /api/operator-policies and parameters.

import {
  clearGlobalParameter,
  clearParameter,
  parameters,
  setGlobalParameter,
  setParameter,
} from '../admin/parameter.ts'
import { need, textAt } from '../admin/read.ts'
import { notFound } from '../admin/refusal.ts'
import type { Registry } from '../admin/registry.ts'
import { clearPolicy, type PolicyKind, policiesOf, policyJson, setPolicy } from '../admin/set-policy.ts'
import { setPermission } from '../admin/set-user.ts'
import { clearVhostLimit, deleteVhost, putVhost, setVhostLimit } from '../admin/set-vhost.ts'
import { permissionsJson, topicPermissionsJson, vhostChange } from '../admin/settings.ts'
import type { JsonObject } from '../core/json.ts'
import { has, sees } from './access.ts'
import type { ManagementContext } from './context.ts'
import { visible } from './queue-route.ts'
import { type ApiRequest, bodyObject, type View } from './request.ts'
import { del, get, post, put, type Route, vhostOf } from './route.ts'
import { vhostNumbers } from './sample.ts'
import { allCounts, lengthsView, messageStats, numbersView } from './stats.ts'

const everything = { configure: '.*', write: '.*', read: '.*' }

export const vhostRoutes: readonly Route[] = [
  get('vhosts', 'management', (context, request) => ({
    list: visible(context, request).map(({ name }) => vhostView(context, name)),
  })),
  get('vhosts/:vhost', 'management', (context, request, { vhost }) => ({
    object: vhostView(context, vhostOf(context, request, vhost!).name),
  })),
  put('vhosts/:vhost', 'administrator', ({ registry }, { user, body }, { vhost }) => {
    const isNew = putVhost(registry, vhost!, vhostChange(bodyObject(body)))
    // Who makes one may use it, as in RabbitMQ.
    if (isNew) setPermission(registry, vhost!, user.name, everything)
    return { status: isNew ? 201 : 204 }
  }),
  del('vhosts/:vhost', 'administrator', ({ registry }, _request, { vhost }) => {
    deleteVhost(registry, vhost!)
    return { status: 204 }
  }),
  post('vhosts/:vhost/start/:node', 'administrator', ({ registry }, _request, { vhost, node }) => {
    // One that is there runs.
    if (!registry.vhosts.has(vhost!) || node !== registry.nodeName) throw notFound()
    return { status: 204 }
  }),
  get('vhosts/:vhost/permissions', 'administrator', ({ registry }, _request, { vhost }) => ({
    list: ofVhost(registry, vhost!, permissionsJson),
  })),
  get('vhosts/:vhost/topic-permissions', 'administrator', ({ registry }, _request, { vhost }) => ({
    list: ofVhost(registry, vhost!, topicPermissionsJson),
  })),

  get('vhost-limits', 'management', (context, request) => ({
    list: visible(context, request).flatMap(({ name }) => limitsJson(context.registry, name)),
  })),
  get('vhost-limits/:vhost', 'management', (context, request, { vhost }) => ({
    list: limitsJson(context.registry, vhostOf(context, request, vhost!).name),
  })),
  put('vhost-limits/:vhost/:limit', 'administrator', ({ registry }, { body }, { vhost, limit }) => {
    const given = bodyObject(body)
    need(given, 'value')
    setVhostLimit(registry, vhost!, limit!, given.value!)
    return { status: 204 }
  }),
  del('vhost-limits/:vhost/:limit', 'administrator', ({ registry }, _request, { vhost, limit }) => {
    clearVhostLimit(registry, vhost!, limit!)
    return { status: 204 }
  }),

  ...policyRoutes('policies', 'policy'),
  ...policyRoutes('operator-policies', 'operator_policy'),

  get('parameters', 'policymaker', (context, request) => ({
    list: ownParameters(context, request) as View[],
  })),
  get('parameters/:component', 'policymaker', (context, request, params) => ({
    list: ownParameters(context, request).filter(({ component }) => component === params.component) as View[],
  })),
  get('parameters/:component/:vhost', 'policymaker', (context, request, params) => {
    const { name } = vhostOf(context, request, params.vhost!)
    const own = ownParameters(context, request)
    return {
      list: own.filter(({ component, vhost }) => component === params.component && vhost === name) as View[],
    }
  }),
  get('parameters/:component/:vhost/:name', 'policymaker', (context, request, params) => {
    const found = ownParameters(context, request).find(
      ({ component, vhost, name }) =>
        component === params.component && vhost === params.vhost && name === params.name,
    )
    if (!found) throw notFound()
    return { object: found }
  }),
  put('parameters/:component/:vhost/:name', 'policymaker', (context, request, params) => {
    const body = bodyObject(request.body)
    need(body, 'value')
    const { name: vhost } = vhostOf(context, request, params.vhost!)
    const { component, name } = params as { component: string; name: string }
    const isNew = setParameter(context.registry, { vhost, component, name, value: body.value! })
    return { status: isNew ? 201 : 204 }
  }),
  del('parameters/:component/:vhost/:name', 'policymaker', (context, request, params) => {
    const { name: vhost } = vhostOf(context, request, params.vhost!)
    clearParameter(context.registry, vhost, params.component!, params.name!)
    return { status: 204 }
  }),

  get('global-parameters', 'policymaker', ({ registry }) => ({
    list: [...registry.globalParameters].map(([name, value]) => ({ name, value })),
  })),
  get('global-parameters/:name', 'policymaker', ({ registry }, _request, { name }) => {
    const value = registry.globalParameters.get(name!)
    if (value === undefined) throw notFound()
    return { object: { name: name!, value } }
  }),
  put('global-parameters/:name', 'policymaker', ({ registry }, { body }, { name }) => {
    const given = bodyObject(body)
    need(given, 'value')
    return { status: setGlobalParameter(registry, name!, given.value!) ? 201 : 204 }
  }),
  del('global-parameters/:name', 'policymaker', ({ registry }, _request, { name }) => {
    clearGlobalParameter(registry, name!)
    return { status: 204 }
  }),
  get('cluster-name', 'management', ({ registry }) => ({ object: { name: registry.clusterName } })),
  put('cluster-name', 'administrator', ({ registry }, { body }) => {
    setGlobalParameter(registry, 'cluster_name', textAt(bodyObject(body), 'name'))
    return { status: 204 }
  }),
]

/** Operator policies are the administrator's, users' policies also the policymakers'. */
function policyRoutes(path: string, kind: PolicyKind): Route[] {
  const access = kind === 'policy' ? 'policymaker' : 'administrator'
  const inVhost = (context: ManagementContext, request: ApiRequest, name: string): View[] => {
    const vhost = vhostOf(context, request, name)
    return [...policiesOf(vhost, kind).values()].map((policy) => ({
      vhost: vhost.name,
      name: policy.name,
      ...policyJson(policy),
    }))
  }
  /** An administrator needs no permission in the virtual host for this. */
  const target = (context: ManagementContext, request: ApiRequest, name: string) =>
    has(request.user, 'administrator') && context.registry.vhosts.has(name)
      ? name
      : vhostOf(context, request, name).name
  return [
    get(path, 'management', (context, request) => ({
      list: visible(context, request).flatMap(({ name }) => inVhost(context, request, name)),
    })),
    get(`${path}/:vhost`, 'management', (context, request, { vhost }) => ({
      list: inVhost(context, request, vhost!),
    })),
    get(`${path}/:vhost/:name`, 'management', (context, request, { vhost, name }) => {
      const found = inVhost(context, request, vhost!).find((policy) => policy.name === name)
      if (!found) throw notFound()
      return { object: found }
    }),
    put(`${path}/:vhost/:name`, access, (context, request, { vhost, name }) => {
      const body = bodyObject(request.body)
      need(body, 'pattern', 'definition')
      const isNew = setPolicy(context.registry, kind, target(context, request, vhost!), name!, body)
      return { status: isNew ? 201 : 204 }
    }),
    del(`${path}/:vhost/:name`, access, (context, request, { vhost, name }) => {
      clearPolicy(context.registry, kind, target(context, request, vhost!), name!)
      return { status: 204 }
    }),
  ]
}

function vhostView(context: ManagementContext, name: string): View {
  const { broker, registry } = context
  const vhost = registry.vhosts.get(name)!
  const { description, tags, defaultQueueType, tracing } = registry.vhostSettings.get(name)!
  const numbers = vhostNumbers(vhost, broker.connections)
  return {
    name,
    description,
    tags: [...tags],
    default_queue_type: defaultQueueType ?? 'undefined',
    metadata: { description, tags: [...tags] },
    tracing,
    cluster_state: { [registry.nodeName]: 'running' },
    ...numbersView(context, vhost, numbers, ['octetsReceived', 'octetsSent']),
    ...lengthsView(context, vhost, numbers),
    message_stats: messageStats(context, vhost, numbers, allCounts),
  }
}

function limitsJson({ vhostSettings }: Registry, vhost: string): View[] {
  const { limits } = vhostSettings.get(vhost)!
  return limits.size === 0 ? [] : [{ vhost, value: Object.fromEntries(limits) }]
}

function ofVhost(
  { users, vhosts }: Registry,
  vhost: string,
  views: (user: Parameters<typeof permissionsJson>[0]) => JsonObject[],
): View[] {
  if (!vhosts.has(vhost)) throw notFound()
  return [...users.values()].flatMap(views).filter((view) => view.vhost === vhost)
}

function ownParameters({ registry }: ManagementContext, { user }: ApiRequest) {
  return parameters(registry).filter(({ vhost }) => sees(user, vhost))
}
