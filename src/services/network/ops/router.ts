// Decisions about routers.
import type { NetworkContext } from '../app.ts'
import type { CreateOf, UpdateOf } from '../resources/attribute.ts'
import type { Router, routerAttributes } from '../resources/router.ts'
import { newStandard } from '../resources/standard.ts'
import type { HostRoute } from '../resources/subnet.ts'
import { routerHostOf } from '../store/agent.ts'
import * as store from '../store/router.ts'
import { checkZoneHints } from './availability-zone.ts'
import type { Work } from './change.ts'
import { enforceQuota } from './quota.ts'
import { badRouter, routerInUse } from './router-fault.ts'
import { clearGateway, setGateway } from './router-gateway.ts'
import { addedRoutes, checkRoutes, remainingRoutes } from './router-route.ts'
import { scheduleRouter, tellFormerHost } from './router-schedule.ts'

export type RouterCreate = CreateOf<typeof routerAttributes>
export type RouterUpdate = UpdateOf<typeof routerAttributes>

export async function createRouter(
  context: NetworkContext,
  work: Work,
  given: RouterCreate,
): Promise<Router> {
  const { app, tx, changes } = work
  await enforceQuota(work, given.projectId, 'router')
  if (given.ha || given.distributed)
    throw badRouter('a router stands on one host here: it is neither distributed nor has it a standby')
  await checkZoneHints(app, tx, 'router', given.availabilityZoneHints)
  const row: Router = {
    ...newStandard(app.world, given),
    name: given.name,
    adminStateUp: given.adminStateUp,
    status: 'ACTIVE',
    enableSnat: true,
    gatewayNetworkId: null,
    gatewayPortId: null,
    routes: [],
    availabilityZoneHints: [...given.availabilityZoneHints],
    generation: 1,
  }
  await store.insertRouter(tx, row)
  await scheduleRouter(work, row)
  changes.routers.add(row.id)
  if (given.externalGatewayInfo === null) return row
  const change = await setGateway(context, work, row, given.externalGatewayInfo, 'create')
  await store.updateRouter(tx, row.id, change)
  return { ...row, ...change }
}

export async function updateRouter(
  context: NetworkContext,
  work: Work,
  row: Router,
  given: RouterUpdate,
): Promise<Router> {
  const { tx } = work
  const { externalGatewayInfo, ...plain } = given
  const gateway =
    externalGatewayInfo === undefined
      ? {}
      : externalGatewayInfo === null
        ? await clearGateway(work, row)
        : await setGateway(context, work, row, externalGatewayInfo, 'update')
  if (plain.routes)
    checkRoutes(row.id, plain.routes, await store.routerSubnets(tx, row.id), work.app.config.maxRoutes)
  return applyChange(work, row, { ...plain, ...gateway })
}

export async function addRoutes(work: Work, row: Router, more: HostRoute[]): Promise<Router> {
  const routes = addedRoutes(row.routes, more)
  checkRoutes(row.id, routes, await store.routerSubnets(work.tx, row.id), work.app.config.maxRoutes)
  return applyChange(work, row, { routes })
}

export const removeRoutes = (work: Work, row: Router, less: HostRoute[]): Promise<Router> =>
  applyChange(work, row, { routes: remainingRoutes(row.routes, less) })

export async function applyChange(work: Work, row: Router, change: Partial<Router>): Promise<Router> {
  const whole = { ...change, revision: row.revision + 1, updatedAt: work.app.world.clock.now() }
  await store.updateRouter(work.tx, row.id, whole)
  work.changes.routers.add(row.id)
  return { ...row, ...whole }
}

/** Its gateway goes with it; an interface keeps it. */
export async function deleteRouter(work: Work, row: Router): Promise<void> {
  const { tx } = work
  const ports = await store.routerPorts(tx, row.id)
  if (ports.some((each) => each.deviceOwner === store.interfaceOwner)) throw routerInUse(row.id)
  await clearGateway(work, row)
  const host = await routerHostOf(tx, row.id)
  await store.deleteRouter(tx, row.id)
  if (host !== undefined) tellFormerHost(work, row.id, host)
}
