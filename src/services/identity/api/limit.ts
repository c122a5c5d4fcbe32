// Routes of registered limits and limits. https://docs.openstack.org/api-ref/identity/v3/#unified-limits
import type { Query } from '#kit/http/route.ts'
import { route } from '../app.ts'
import {
  changeLimit,
  createLimits,
  deleteLimit,
  getLimit,
  getLimitModel,
  listLimitsFor,
} from '../ops/limit.ts'
import {
  changeRegisteredLimit,
  createRegisteredLimits,
  deleteRegisteredLimit,
  getRegisteredLimit,
  listRegisteredLimitsFor,
} from '../ops/registered-limit.ts'
import {
  limitCreate,
  limitRules,
  limitUpdate,
  limitView,
  registeredLimitCreate,
  registeredLimitRules,
  registeredLimitUpdate,
  registeredLimitView,
} from '../resources/limit.ts'
import { listing } from './listing.ts'

const registeredFilter = (query: Query) => ({
  serviceId: query.get('service_id'),
  regionId: query.get('region_id'),
  resourceName: query.get('resource_name'),
})

const registeredLimitRoutes = [
  route('GET', '/registered_limits', {
    policy: registeredLimitRules.list,
    handle: async (context, { query }) => {
      const rows = await listRegisteredLimitsFor(context, registeredFilter(query))
      const views = rows.map((row) => registeredLimitView(row, context))
      return listing(context, '/registered_limits', query, 'registered_limits', views)
    },
  }),
  route('POST', '/registered_limits', {
    policy: registeredLimitRules.create,
    body: registeredLimitCreate,
    status: 201,
    handle: async (context, { body }) => {
      const rows = await createRegisteredLimits(context, body.registeredLimits)
      return { registered_limits: rows.map((row) => registeredLimitView(row, context)) }
    },
  }),
  route('GET', '/registered_limits/:registered_limit_id', {
    policy: registeredLimitRules.get,
    handle: async (context, { params }) => ({
      registered_limit: registeredLimitView(
        await getRegisteredLimit(context, params.registered_limit_id!),
        context,
      ),
    }),
  }),
  route('PATCH', '/registered_limits/:registered_limit_id', {
    policy: registeredLimitRules.update,
    body: registeredLimitUpdate,
    handle: async (context, { params, body }) => ({
      registered_limit: registeredLimitView(
        await changeRegisteredLimit(context, params.registered_limit_id!, body),
        context,
      ),
    }),
  }),
  route('DELETE', '/registered_limits/:registered_limit_id', {
    policy: registeredLimitRules.delete,
    handle: (context, { params }) => deleteRegisteredLimit(context, params.registered_limit_id!),
  }),
]

export const limitRoutes = [
  ...registeredLimitRoutes,
  route('GET', '/limits/model', {
    policy: limitRules.model,
    handle: async (context) => ({ model: getLimitModel(context) }),
  }),
  route('GET', '/limits', {
    policy: limitRules.list,
    handle: async (context, { query }) => {
      const domainId = query.get('domain_id')
      const filter = {
        targetId: query.get('project_id') ?? domainId,
        isDomain: domainId === undefined ? undefined : true,
      }
      const rows = await listLimitsFor(context, filter, registeredFilter(query))
      const views = rows.map((row) => limitView(row, context))
      return listing(context, '/limits', query, 'limits', views)
    },
  }),
  route('POST', '/limits', {
    policy: limitRules.create,
    body: limitCreate,
    status: 201,
    handle: async (context, { body }) => {
      const rows = await createLimits(context, body.limits)
      return { limits: rows.map((row) => limitView(row, context)) }
    },
  }),
  route('GET', '/limits/:limit_id', {
    policy: 'token',
    handle: async (context, { params }) => ({
      limit: limitView(await getLimit(context, params.limit_id!), context),
    }),
  }),
  route('PATCH', '/limits/:limit_id', {
    policy: limitRules.update,
    body: limitUpdate,
    handle: async (context, { params, body }) => ({
      limit: limitView(await changeLimit(context, params.limit_id!, body), context),
    }),
  }),
  route('DELETE', '/limits/:limit_id', {
    policy: limitRules.delete,
    handle: (context, { params }) => deleteLimit(context, params.limit_id!),
  }),
]
