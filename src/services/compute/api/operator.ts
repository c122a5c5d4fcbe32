// What operators look at: services, hypervisors, aggregates and zones.
import { nextUrl } from '#kit/http/page.ts'
import { isTrue } from '#kit/http/query.ts'
import { answer, type Query } from '#kit/http/route.ts'
import { type ComputeContext, route } from '../app.ts'
import * as aggregates from '../ops/aggregate.ts'
import {
  type HypervisorList,
  listHypervisors,
  showHypervisor,
  showUptime,
  sumsOf,
} from '../ops/hypervisor.ts'
import * as services from '../ops/service.ts'
import {
  aggregateCreate,
  aggregateCreated,
  aggregateHost,
  aggregateMetadata,
  aggregateRules,
  aggregateUpdate,
  aggregateView,
} from '../resources/aggregate.ts'
import { hypervisorBrief, hypervisorRules, hypervisorView } from '../resources/hypervisor.ts'
import { checkQuery, pageOf, paging } from '../resources/query.ts'
import { readBool } from '../resources/schema.ts'
import {
  serviceForced,
  serviceNamed,
  serviceRules,
  serviceUpdate,
  serviceView,
} from '../resources/service.ts'

const serviceQuery = new Set(['host', 'binary'])
const named = (path: string, disabled: boolean) =>
  route('PUT', path, {
    until: '2.52',
    policy: serviceRules.update,
    body: serviceNamed,
    handle: async (context, { body }) => {
      const wish = { disabled, reason: body.disabledReason }
      const changed = await services.changeNamed(context, body, wish)
      return {
        service: {
          host: changed.host,
          binary: changed.binary,
          status: changed.disabled ? 'disabled' : 'enabled',
          ...(changed.disabledReason !== null && { disabled_reason: changed.disabledReason }),
        },
      }
    },
  })

export const serviceRoutes = [
  route('GET', '/os-services', {
    policy: serviceRules.list,
    handle: async (context, { query }) => {
      checkQuery(query, serviceQuery, context.version)
      const list = await services.listServices(context, query)
      return { services: list.map((each) => serviceView(each, context)) }
    },
  }),
  named('/os-services/enable', false),
  named('/os-services/disable', true),
  named('/os-services/disable-log-reason', true),
  route('PUT', '/os-services/force-down', {
    since: '2.11',
    until: '2.52',
    policy: serviceRules.update,
    body: serviceForced,
    handle: async (context, { body }) => {
      const forcedDown = readBool(body.forcedDown)
      const changed = await services.changeNamed(context, body, { forcedDown })
      return { service: { host: changed.host, binary: changed.binary, forced_down: changed.forcedDown } }
    },
  }),
  route('PUT', '/os-services/:id', {
    since: '2.53',
    policy: serviceRules.update,
    body: serviceUpdate,
    handle: async (context, { params, body }) => {
      const changed = await services.changeService(context, params.id!, {
        disabled: body.status === undefined ? undefined : body.status === 'disabled',
        reason: body.disabledReason,
        forcedDown: body.forcedDown === undefined ? undefined : readBool(body.forcedDown),
      })
      return { service: serviceView(changed, context) }
    },
  }),
  route('DELETE', '/os-services/:id', {
    policy: serviceRules.delete,
    handle: async (context, { params }) => services.deleteService(context, params.id!),
  }),
]

const hypervisorQuery = new Set([...paging, 'hypervisor_hostname_pattern', 'with_servers'])
const list =
  (path: string, detail: boolean) =>
  async (context: ComputeContext, { query }: { query: Query }) => {
    const at = context.version ?? 2093
    checkQuery(query, hypervisorQuery, at, '2.53')
    const wish: HypervisorList = at >= 2033 ? pageOf(query, context.app.config.maxLimit) : {}
    if (at >= 2053) {
      wish.pattern = query.get('hypervisor_hostname_pattern')
      wish.withServers = isTrue(query.get('with_servers'))
    }
    const rule = detail ? hypervisorRules.detail : hypervisorRules.list
    const { hypervisors, next } = await listHypervisors(context, rule, wish)
    const show = detail ? hypervisorView : hypervisorBrief
    return {
      hypervisors: hypervisors.map((each) => show(each, context)),
      ...(next && {
        hypervisors_links: [{ rel: 'next', href: nextUrl(`${context.origin}/v2.1${path}`, query, next) }],
      }),
    }
  }

export const hypervisorRoutes = [
  route('GET', '/os-hypervisors', { policy: hypervisorRules.list, handle: list('/os-hypervisors', false) }),
  route('GET', '/os-hypervisors/detail', {
    policy: hypervisorRules.detail,
    handle: list('/os-hypervisors/detail', true),
  }),
  route('GET', '/os-hypervisors/statistics', {
    until: '2.87',
    policy: hypervisorRules.statistics,
    handle: async (context) => {
      const { hypervisors } = await listHypervisors(context, hypervisorRules.statistics)
      return { hypervisor_statistics: sumsOf(hypervisors) }
    },
  }),
  route('GET', '/os-hypervisors/:id', {
    policy: hypervisorRules.show,
    handle: async (context, { params, query }) => {
      checkQuery(query, new Set(['with_servers']), context.version, '2.53')
      const alsoServers = (context.version ?? 2093) >= 2053 && isTrue(query.get('with_servers'))
      const found = await showHypervisor(context, hypervisorRules.show, params.id!, alsoServers)
      return { hypervisor: hypervisorView(found, context) }
    },
  }),
  route('GET', '/os-hypervisors/:id/uptime', {
    until: '2.87',
    policy: hypervisorRules.uptime,
    handle: async (context, { params }) => {
      const { hypervisor, uptime } = await showUptime(context, params.id!)
      return { hypervisor: { ...hypervisorBrief(hypervisor, context), uptime } }
    },
  }),
  route('GET', '/os-hypervisors/:id/search', {
    until: '2.52',
    policy: hypervisorRules.search,
    handle: async (context, { params }) => {
      const { hypervisors } = await listHypervisors(context, hypervisorRules.search, { pattern: params.id! })
      return { hypervisors: hypervisors.map((each) => hypervisorBrief(each, context)) }
    },
  }),
  route('GET', '/os-hypervisors/:id/servers', {
    until: '2.52',
    policy: hypervisorRules.servers,
    handle: async (context, { params }) => {
      const wish = { pattern: params.id!, withServers: true }
      const { hypervisors } = await listHypervisors(context, hypervisorRules.servers, wish)
      return {
        hypervisors: hypervisors.map((each) => ({
          ...hypervisorBrief(each, context),
          ...(each.servers!.length > 0 && {
            servers: each.servers!.map(({ id, name }) => ({ uuid: id, name })),
          }),
        })),
      }
    },
  }),
]

const action = (name: 'add_host' | 'remove_host', run: typeof aggregates.addHost) =>
  route('POST', '/os-aggregates/:id/action', {
    action: name,
    policy: name === 'add_host' ? aggregateRules.addHost : aggregateRules.removeHost,
    status: 200,
    body: aggregateHost(name),
    handle: async (context, { params, body }) => ({
      aggregate: aggregateView(await run(context, params.id!, body.host), context),
    }),
  })

export const aggregateRoutes = [
  route('GET', '/os-aggregates', {
    policy: aggregateRules.list,
    handle: async (context) => ({
      aggregates: (await aggregates.listAggregates(context)).map((each) => aggregateView(each, context)),
    }),
  }),
  route('POST', '/os-aggregates', {
    policy: aggregateRules.create,
    status: 200,
    body: aggregateCreate,
    handle: async (context, { body }) => ({
      aggregate: aggregateCreated(await aggregates.createAggregate(context, body), context),
    }),
  }),
  route('GET', '/os-aggregates/:id', {
    policy: aggregateRules.show,
    handle: async (context, { params }) => ({
      aggregate: aggregateView(await aggregates.showAggregate(context, params.id!), context),
    }),
  }),
  route('PUT', '/os-aggregates/:id', {
    policy: aggregateRules.update,
    body: aggregateUpdate,
    handle: async (context, { params, body }) => ({
      aggregate: aggregateView(await aggregates.updateAggregate(context, params.id!, body), context),
    }),
  }),
  route('DELETE', '/os-aggregates/:id', {
    policy: aggregateRules.delete,
    handle: async (context, { params }) => {
      await aggregates.deleteAggregate(context, params.id!)
      return answer({ status: 200 })
    },
  }),
  action('add_host', aggregates.addHost),
  action('remove_host', aggregates.removeHost),
  route('POST', '/os-aggregates/:id/action', {
    action: 'set_metadata',
    policy: aggregateRules.setMetadata,
    status: 200,
    body: aggregateMetadata,
    handle: async (context, { params, body }) => ({
      aggregate: aggregateView(await aggregates.setMetadata(context, params.id!, body.metadata), context),
    }),
  }),
  route('GET', '/os-availability-zone', {
    policy: aggregateRules.zones,
    handle: async (context) => ({ availabilityZoneInfo: await aggregates.listZones(context, false) }),
  }),
  route('GET', '/os-availability-zone/detail', {
    policy: aggregateRules.zonesDetail,
    handle: async (context) => ({ availabilityZoneInfo: await aggregates.listZones(context, true) }),
  }),
]
