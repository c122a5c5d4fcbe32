// What projects have used: os-simple-tenant-usage.
import { nextUrl } from '#kit/http/page.ts'
import type { Query } from '#kit/http/route.ts'
import { type ComputeContext, route } from '../app.ts'
import { listUsage, showUsage, type UsageWish } from '../ops/usage.ts'
import { checkQuery, pageOf, paging, timeOf } from '../resources/query.ts'
import { type ProjectUsage, projectUsageView, serverUsageView, usageRules } from '../resources/usage.ts'

const spanQuery = ['start', 'end']

function wishOf(context: ComputeContext, query: Query): UsageWish {
  const at = context.version ?? 2093
  checkQuery(query, new Set([...paging, ...spanQuery, 'detailed']), context.version)
  const now = context.app.world.clock.now()
  const span = { from: timeOf(query, 'start') ?? now, to: timeOf(query, 'end') ?? now }
  return at < 2040 ? span : { ...span, page: pageOf(query, context.app.config.maxLimit) }
}

function shown(context: ComputeContext, usage: ProjectUsage, detailed: boolean) {
  const servers = usage.servers.map((each) => serverUsageView(each, context))
  return { ...projectUsageView(usage, context), ...(detailed && { server_usages: servers }) }
}

const links = (context: ComputeContext, path: string, query: Query, next: string) => [
  { rel: 'next', href: nextUrl(`${context.origin}/v2.1${path}`, query, next) },
]

export const usageRoutes = [
  route('GET', '/os-simple-tenant-usage', {
    policy: usageRules.list,
    handle: async (context, { query }) => {
      const { usages, next } = await listUsage(context, wishOf(context, query))
      const detailed = query.get('detailed') === '1'
      return {
        tenant_usages: usages.map((each) => shown(context, each, detailed)),
        ...(next && { tenant_usages_links: links(context, '/os-simple-tenant-usage', query, next) }),
      }
    },
  }),
  route('GET', '/os-simple-tenant-usage/:project', {
    policy: 'token',
    handle: async (context, { params, query }) => {
      const project = params.project!
      const { usage, next } = await showUsage(context, project, wishOf(context, query))
      const path = `/os-simple-tenant-usage/${encodeURIComponent(project)}`
      return {
        // Nova answers {} where nothing was used, over which the stock client stumbles.
        tenant_usage: shown(context, usage, true),
        ...(next && { tenant_usage_links: links(context, path, query, next) }),
      }
    },
  }),
]
