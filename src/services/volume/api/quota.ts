// Quotas of projects, their defaults, and the limits that clients show.
import { body } from '#kit/http/body.ts'
import { isTrue } from '#kit/http/query.ts'
import { route } from '../app.ts'
import {
  absoluteLimits,
  classLimits,
  resetQuotas,
  showDefaults,
  showQuotas,
  showUsage,
  updateClass,
  updateQuotas,
} from '../ops/quota.ts'
import { isAdmin } from '../resources/policy.ts'
import { quotaLimits, quotaRules } from '../resources/quota.ts'

const quotaBody = body(null, { quota_set: { schema: quotaLimits } })
const classBody = body(null, { quota_class_set: { schema: quotaLimits } })
/** The set's own name, which clients send back with it. */
const withoutId = ({ id: _, tenant_id: __, ...rest }: Record<string, number | string>) => rest

export const quotaRoutes = [
  route('GET', '/os-quota-sets/:project', {
    policy: 'token',
    handle: async (context, { params, query }) => {
      const id = params.project!
      const set = isTrue(query.get('usage')) ? await showUsage(context, id) : await showQuotas(context, id)
      return { quota_set: { ...set, id } }
    },
  }),
  route('GET', '/os-quota-sets/:project/defaults', {
    policy: 'token',
    handle: async (context, { params }) => ({
      quota_set: { ...(await showDefaults(context, params.project!)), id: params.project },
    }),
  }),
  route('PUT', '/os-quota-sets/:project', {
    policy: quotaRules.update,
    body: quotaBody,
    handle: async (context, { params, body }) => ({
      quota_set: await updateQuotas(context, params.project!, withoutId(body.quotaSet)),
    }),
  }),
  route('DELETE', '/os-quota-sets/:project', {
    policy: quotaRules.delete,
    status: 200,
    handle: (context, { params }) => resetQuotas(context, params.project!),
  }),
  route('GET', '/os-quota-class-sets/:name', {
    policy: quotaRules.classShow,
    handle: async ({ app }, { params }) => ({
      quota_class_set: { ...(await classLimits(app.db, app.config, params.name!)), id: params.name },
    }),
  }),
  route('PUT', '/os-quota-class-sets/:name', {
    policy: quotaRules.classUpdate,
    body: classBody,
    handle: async (context, { params, body }) => ({
      quota_class_set: await updateClass(context, params.name!, withoutId(body.quotaClassSet)),
    }),
  }),
  route('GET', '/limits', {
    policy: 'token',
    handle: async (context, { query }) => {
      const other = (context.version ?? 0) >= 3039 && context.allows(isAdmin, {}) && query.get('project_id')
      const projectId = other || (context.caller.projectId ?? '')
      return { limits: { rate: [], absolute: await absoluteLimits(context, projectId) } }
    },
  }),
]
