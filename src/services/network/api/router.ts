// Routes of routers, their interfaces and extra routes.

import type { PolicyRule } from '#kit/policy/policy.ts'
import { type NetworkContext, route } from '../app.ts'
import { authorizeChange } from '../ops/access.ts'
import { perform, type Work } from '../ops/change.ts'
import * as ops from '../ops/router.ts'
import { routerNotFound } from '../ops/router-fault.ts'
import { addInterface, removeInterface } from '../ops/router-interface.ts'
import { bad, readValue } from '../resources/attribute.ts'
import { extraRoutesBody, interfaceBody } from '../resources/body.ts'
import type { WholeRouter } from '../resources/router.ts'
import { type Router, router, routerResource, routerRules } from '../resources/router.ts'
import { interfaceView, readInterface } from '../resources/router-interface.ts'
import { type HostRoute, routes } from '../resources/subnet.ts'
import { oneOf } from '../store/list.ts'
import { wholeRouters } from '../store/router.ts'
import { type Collection, collectionRoutes, visibleRow } from './collection.ts'
import { showerOf } from './view.ts'

const ownTarget = (row: { projectId: string }) => ({ project_id: row.projectId, tenant_id: row.projectId })

const spec = {
  resource: routerResource,
  path: '/routers',
  table: router,
  rules: routerRules,
  missing: routerNotFound,
  sees: async ({ caller }) => oneOf('projectId', [caller.projectId ?? '']),
  whole: (app, db, rows: Router[]) => wholeRouters(db, rows, app.config.defaultAvailabilityZone),
  target: async (_, row) => ownTarget(row),
  createTarget: ownTarget,
  create: ops.createRouter,
  update: ops.updateRouter,
  delete: (_, work, row) => ops.deleteRouter(work, row),
} satisfies Collection<Router, WholeRouter, typeof routerResource.attributes>

/** Calls that change a router by another way than PUT on itself. */
function changing<T>(
  context: NetworkContext,
  id: string,
  rule: PolicyRule,
  change: (work: Work, row: Router) => Promise<T>,
): Promise<T> {
  const { app, trace } = context
  return perform({ app, trace }, async (work) => {
    const row = await visibleRow(spec, context, work.tx, id)
    authorizeChange(context, [rule], ownTarget(row))
    return change(work, row)
  })
}

function readRoutes(body: unknown): HostRoute[] {
  const given = (body as { router?: { routes?: unknown } } | null)?.router
  if (typeof given !== 'object' || given === null || given.routes === undefined)
    throw bad("Unable to find 'router' with 'routes' in request body")
  return readValue('routes', { read: routes }, given.routes) as HostRoute[]
}

async function shown(context: NetworkContext, row: Router): Promise<Record<string, unknown>> {
  const [whole] = await spec.whole(context.app, context.app.db, [row])
  return { router: showerOf<WholeRouter>(context, routerResource.attributes)(whole!) }
}

export const routerRoutes = [
  ...collectionRoutes(spec),
  route('PUT', '/routers/:id/add_router_interface', {
    policy: 'token',
    body: interfaceBody,
    handle: (context, { params, body }) => {
      const wish = readInterface(body)
      return changing(context, params.id!, routerRules.addInterface, async (work, row) =>
        interfaceView(row, await addInterface(context, work, row, wish)),
      )
    },
  }),
  route('PUT', '/routers/:id/remove_router_interface', {
    policy: 'token',
    body: interfaceBody,
    handle: (context, { params, body }) => {
      const wish = readInterface(body)
      return changing(context, params.id!, routerRules.removeInterface, async (work, row) =>
        interfaceView(row, await removeInterface(context, work, row, wish)),
      )
    },
  }),
  route('PUT', '/routers/:id/add_extraroutes', {
    policy: 'token',
    body: extraRoutesBody,
    handle: async (context, { params, body }) => {
      const more = readRoutes(body)
      const row = await changing(context, params.id!, routerRules.addRoutes, (work, before) =>
        ops.addRoutes(work, before, more),
      )
      return shown(context, row)
    },
  }),
  route('PUT', '/routers/:id/remove_extraroutes', {
    policy: 'token',
    body: extraRoutesBody,
    handle: async (context, { params, body }) => {
      const less = readRoutes(body)
      const row = await changing(context, params.id!, routerRules.removeRoutes, (work, before) =>
        ops.removeRoutes(work, before, less),
      )
      return shown(context, row)
    },
  }),
]
