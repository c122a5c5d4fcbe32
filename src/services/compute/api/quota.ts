// Limits, quota sets and quota classes, and server groups.
import { answer, type Query } from '#kit/http/route.ts'
import { type ComputeContext, route } from '../app.ts'
import * as quotas from '../ops/quota.ts'
import * as groups from '../ops/server-group.ts'
import { checkQuery, paging } from '../resources/query.ts'
import {
  type Limited,
  limitNames,
  quotaClassBody,
  quotaRules,
  quotaSetBody,
  shownAt,
} from '../resources/quota.ts'
import { serverGroupBodies, serverGroupRules, serverGroupView } from '../resources/server-group.ts'

type At = number | undefined

function shownSet<V>(at: At, of: 'set' | 'class', values: Record<Limited, V>) {
  return Object.fromEntries(
    limitNames.filter((name) => shownAt(name, at, of)).map((name) => [name, values[name]]),
  )
}
const userOf = (query: Query) => query.get('user_id')
const known = new Set(['user_id'])
/** Where 'user_id' of the query comes from a client that has none to give. */
const checked = (context: ComputeContext, query: Query) => {
  checkQuery(query, known, context.version)
  return userOf(query)
}

export const quotaRoutes = [
  route('GET', '/os-quota-sets/:project', {
    policy: 'token',
    handle: async (context, { params, query }) => {
      const limits = await quotas.quotaSet(context, params.project!, checked(context, query))
      return { quota_set: { id: params.project, ...shownSet(context.version, 'set', limits) } }
    },
  }),
  route('GET', '/os-quota-sets/:project/detail', {
    policy: 'token',
    handle: async (context, { params, query }) => {
      const details = await quotas.quotaDetail(context, params.project!, checked(context, query))
      return { quota_set: { id: params.project, ...shownSet(context.version, 'set', details) } }
    },
  }),
  route('GET', '/os-quota-sets/:project/defaults', {
    policy: quotaRules.defaults,
    handle: async (context, { params }) => {
      const limits = await quotas.defaultLimits(context.app.db, context.app.config)
      return { quota_set: { id: params.project, ...shownSet(context.version, 'set', limits) } }
    },
  }),
  route('PUT', '/os-quota-sets/:project', {
    policy: quotaRules.update,
    body: quotaSetBody,
    handle: async (context, { params, query, body }) => {
      const limits = await quotas.updateQuotas(context, params.project!, checked(context, query), body)
      return { quota_set: shownSet(context.version, 'set', limits) }
    },
  }),
  route('DELETE', '/os-quota-sets/:project', {
    policy: quotaRules.delete,
    handle: async (context, { params, query }) => {
      await quotas.resetQuotas(context, params.project!, checked(context, query))
      return answer({ status: 202 })
    },
  }),
  route('GET', '/os-quota-class-sets/:name', {
    policy: quotaRules.classShow,
    handle: async (context, { params }) => {
      const limits = await quotas.classLimits(context.app.db, context.app.config, params.name!)
      return { quota_class_set: { id: params.name, ...shownSet(context.version, 'class', limits) } }
    },
  }),
  route('PUT', '/os-quota-class-sets/:name', {
    policy: quotaRules.classUpdate,
    body: quotaClassBody,
    handle: async (context, { params, body }) => {
      const limits = await quotas.updateClass(context, params.name!, body)
      return { quota_class_set: shownSet(context.version, 'class', limits) }
    },
  }),
  route('GET', '/limits', {
    policy: quotaRules.limits,
    handle: async (context, { query }) => {
      checkQuery(query, new Set(['tenant_id', 'reserved']), context.version)
      return { limits: { rate: [], absolute: await absolute(context, query.get('tenant_id')) } }
    },
  }),
]

async function absolute(context: ComputeContext, asked: string | undefined): Promise<Record<string, number>> {
  const at = context.version ?? 2093
  const details = await quotas.limitsWithUse(context, asked)
  return {
    maxServerMeta: details.metadata_items.limit,
    maxTotalInstances: details.instances.limit,
    maxTotalRAMSize: details.ram.limit,
    maxTotalCores: details.cores.limit,
    maxTotalKeypairs: details.key_pairs.limit,
    maxServerGroups: details.server_groups.limit,
    maxServerGroupMembers: details.server_group_members.limit,
    totalInstancesUsed: details.instances.in_use,
    totalCoresUsed: details.cores.in_use,
    totalRAMUsed: details.ram.in_use,
    totalServerGroupsUsed: details.server_groups.in_use,
    ...(at < 2057 && {
      maxPersonality: details.injected_files.limit,
      maxPersonalitySize: details.injected_file_content_bytes.limit,
    }),
    ...(at < 2039 && { maxImageMeta: details.metadata_items.limit }),
    ...(at < 2036 && {
      maxTotalFloatingIps: details.floating_ips.limit,
      maxSecurityGroups: details.security_groups.limit,
      maxSecurityGroupRules: details.security_group_rules.limit,
      totalFloatingIpsUsed: 0,
      totalSecurityGroupsUsed: 0,
    }),
  }
}

const groupQuery = new Set([...paging, 'offset', 'all_projects'])
type Policies = { name: string; policies: string[] }
const oldGroup = async (context: ComputeContext, { body }: { body: Policies }) => {
  const wish = { name: body.name, policy: body.policies[0] as groups.GroupWish['policy'], rules: {} }
  return { server_group: serverGroupView(await groups.createGroup(context, wish), context) }
}

export const serverGroupRoutes = [
  route('GET', '/os-server-groups', {
    policy: serverGroupRules.list,
    handle: async (context, { query }) => {
      checkQuery(query, groupQuery, context.version)
      const list = await groups.listGroups(context, query)
      return { server_groups: list.map((each) => serverGroupView(each, context)) }
    },
  }),
  route('POST', '/os-server-groups', {
    until: '2.14',
    policy: serverGroupRules.create,
    body: serverGroupBodies.until214,
    handle: oldGroup,
  }),
  route('POST', '/os-server-groups', {
    since: '2.15',
    until: '2.63',
    policy: serverGroupRules.create,
    body: serverGroupBodies.until263,
    handle: oldGroup,
  }),
  route('POST', '/os-server-groups', {
    since: '2.64',
    policy: serverGroupRules.create,
    body: serverGroupBodies.from264,
    handle: async (context, { body }) => {
      const most = body.rules?.max_server_per_host
      const rules = most === undefined ? {} : { max_server_per_host: Number(most) }
      const wish = { name: body.name, policy: body.policy, rules }
      return { server_group: serverGroupView(await groups.createGroup(context, wish), context) }
    },
  }),
  route('GET', '/os-server-groups/:id', {
    policy: 'token',
    handle: async (context, { params }) => ({
      server_group: serverGroupView(await groups.showGroup(context, params.id!), context),
    }),
  }),
  route('DELETE', '/os-server-groups/:id', {
    policy: 'token',
    handle: async (context, { params }) => groups.deleteGroup(context, params.id!),
  }),
]
