// Routes of quotas. A project reads its own; administrators read and set all.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type NetworkContext, route } from '../app.ts'
import { perform } from '../ops/change.ts'
import { limitsOf, usageOf } from '../ops/quota.ts'
import { invalidInput } from '../resources/attribute.ts'
import { quotaBody } from '../resources/body.ts'
import { quotaDefaults, quotaRules } from '../resources/quota.ts'
import { readQuota } from '../resources/quota-body.ts'
import { allQuotas, deleteQuotas, setQuota } from '../store/quota.ts'

const authorizeRead = (context: NetworkContext, projectId: string) =>
  context.authorize(quotaRules.get, { project_id: projectId, tenant_id: projectId })

export const quotaRoutes = [
  route('GET', '/quotas', {
    policy: quotaRules.list,
    handle: async ({ app }) => {
      const projects = Map.groupBy(await allQuotas(app.db), (row) => row.projectId)
      const quotas = [...projects].map(([projectId, rows]) => ({
        ...quotaDefaults(app.config),
        ...Object.fromEntries(rows.map((row) => [row.resource, row.limit])),
        project_id: projectId,
        tenant_id: projectId,
      }))
      return { quotas }
    },
  }),
  route('GET', '/quotas/tenant', {
    policy: 'token',
    handle: async ({ caller }) => ({ tenant: { tenant_id: ownProject(caller.projectId) } }),
  }),
  route('GET', '/quotas/project', {
    policy: 'token',
    handle: async ({ caller }) => ({ project: { project_id: ownProject(caller.projectId) } }),
  }),
  route('GET', '/quotas/:project_id', {
    policy: 'token',
    handle: async (context, { params }) => {
      authorizeRead(context, params.project_id!)
      return { quota: await limitsOf(context.app, context.app.db, params.project_id!) }
    },
  }),
  route('GET', '/quotas/:project_id/default', {
    policy: 'token',
    handle: async (context, { params }) => {
      authorizeRead(context, params.project_id!)
      return { quota: quotaDefaults(context.app.config) }
    },
  }),
  route('GET', '/quotas/:project_id/details', {
    policy: 'token',
    handle: async (context, { params }) => {
      authorizeRead(context, params.project_id!)
      return { quota: await usageOf(context.app, params.project_id!) }
    },
  }),
  route('PUT', '/quotas/:project_id', {
    policy: quotaRules.update,
    body: quotaBody,
    handle: async (context, { params, body }) => {
      const { app, trace } = context
      const projectId = params.project_id!
      const { limits, checkLimit } = readQuota(body)
      if (projectId.length > 255) throw invalidInput('a project id has at most 255 characters')
      const usage = checkLimit ? await usageOf(app, projectId) : {}
      for (const [resource, limit] of Object.entries(limits)) {
        const used = usage[resource]?.used ?? 0
        if (limit >= 0 && used > limit)
          throw invalidInput(`Quota limit ${limit} of ${resource} is lower than the ${used} in use`)
      }
      return perform({ app, trace }, async ({ tx }) => {
        for (const [resource, limit] of Object.entries(limits)) await setQuota(tx, projectId, resource, limit)
        return { quota: await limitsOf(app, tx, projectId) }
      })
    },
  }),
  route('DELETE', '/quotas/:project_id', {
    policy: quotaRules.delete,
    handle: async ({ app }, { params }) => {
      if ((await deleteQuotas(app.db, params.project_id!)) > 0) return
      throw new CloudError('notFound', `Quota for tenant ${params.project_id} could not be found.`, {
        type: 'TenantQuotaNotFound',
      })
    },
  }),
]

function ownProject(projectId: string | undefined): string {
  if (projectId !== undefined) return projectId
  throw new CloudError('badRequest', 'Unable to find tenant_id in the request context.', {
    type: 'QuotaMissingTenant',
  })
}
