// Decisions about endpoints.
import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Identity, IdentityContext } from '../app.ts'
import { type Endpoint, type EndpointChange, endpointRules, type NewEndpoint } from '../resources/endpoint.ts'
import {
  deleteEndpoint as deleteRow,
  type EndpointFilter,
  findEndpoint,
  insertEndpoint,
  listEndpoints,
  updateEndpoint,
} from '../store/endpoint.ts'
import { deleteProjectEndpoints } from '../store/endpoint-filter.ts'
import { deletePolicyAssociations } from '../store/endpoint-policy.ts'
import { findRegion, insertRegion } from '../store/region.ts'
import { findService } from '../store/service.ts'
import { fill } from './catalog.ts'
import { change, found } from './change.ts'

export async function listEndpointsFor(
  context: IdentityContext,
  filter: EndpointFilter,
): Promise<Endpoint[]> {
  context.authorize(endpointRules.list, {})
  return listEndpoints(context.app.db, filter)
}

export async function getEndpoint(context: IdentityContext, id: string): Promise<Endpoint> {
  context.authorize(endpointRules.get, {})
  return found(await findEndpoint(context.app.db, id), 'endpoint', id)
}

export async function createEndpoint(context: IdentityContext, given: NewEndpoint): Promise<Endpoint> {
  const { app } = context
  context.authorize(endpointRules.create, {})
  const row: Endpoint = {
    id: app.world.random.hexId(),
    serviceId: given.serviceId,
    interface: given.interface,
    regionId: given.regionId ?? given.region ?? null,
    url: given.url,
    enabled: given.enabled ?? true,
    extra: given.extra,
    createdAt: app.world.clock.now(),
  }
  await change(app, async (tx) => {
    await checkPlace(app, tx, row, given)
    await insertEndpoint(tx, row)
  })
  return row
}

export async function changeEndpoint(
  context: IdentityContext,
  id: string,
  given: EndpointChange,
): Promise<Endpoint> {
  const { app } = context
  context.authorize(endpointRules.update, {})
  const row = found(await findEndpoint(app.db, id), 'endpoint', id)
  const region = given.regionId === undefined ? given.region : given.regionId
  const after: Endpoint = {
    ...row,
    serviceId: given.serviceId ?? row.serviceId,
    interface: given.interface ?? row.interface,
    regionId: region === undefined ? row.regionId : region,
    url: given.url ?? row.url,
    enabled: given.enabled ?? row.enabled,
    extra: { ...row.extra, ...given.extra },
  }
  await change(app, async (tx) => {
    await checkPlace(app, tx, after, given)
    await updateEndpoint(tx, id, after)
  })
  return after
}

/** A wrong service or region is the request's fault; by its older name a region is made where it is missing. */
async function checkPlace(
  app: Identity,
  db: Db,
  row: Endpoint,
  given: { region?: string | null },
): Promise<void> {
  if (fill(row.url, { projectId: 'a', userId: 'a' }) === undefined)
    throw new CloudError('badRequest', `The URL ${row.url} holds a name that cannot be filled in.`)
  if (!(await findService(db, row.serviceId)))
    throw new CloudError('badRequest', `There is no service ${row.serviceId}.`)
  if (row.regionId === null || (await findRegion(db, row.regionId))) return
  if (given.region !== row.regionId) throw new CloudError('badRequest', `There is no region ${row.regionId}.`)
  const createdAt = app.world.clock.now()
  await insertRegion(db, { id: row.regionId, description: '', parentRegionId: null, extra: {}, createdAt })
}

export async function deleteEndpoint(context: IdentityContext, id: string): Promise<void> {
  context.authorize(endpointRules.delete, {})
  found(await findEndpoint(context.app.db, id), 'endpoint', id)
  await change(context.app, async (tx) => {
    await deletePolicyAssociations(tx, { endpointId: id })
    await deleteProjectEndpoints(tx, { endpointId: id })
    await deleteRow(tx, id)
  })
}
