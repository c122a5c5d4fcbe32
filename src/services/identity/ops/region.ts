// Decisions about regions.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { IdentityContext } from '../app.ts'
import { type Region, type RegionGiven, regionRules } from '../resources/region.ts'
import { countInRegion } from '../store/endpoint.ts'
import { deletePolicyAssociations } from '../store/endpoint-policy.ts'
import { listRegisteredLimits } from '../store/limit.ts'
import {
  deleteRegion as deleteRow,
  findRegion,
  insertRegion,
  listRegions,
  updateRegion,
} from '../store/region.ts'
import { change, found } from './change.ts'

export async function listRegionsFor(
  context: IdentityContext,
  filter: { parentRegionId?: string },
): Promise<Region[]> {
  context.authorize(regionRules.list, {})
  return listRegions(context.app.db, filter)
}

export async function getRegion(context: IdentityContext, id: string): Promise<Region> {
  context.authorize(regionRules.get, {})
  return found(await findRegion(context.app.db, id), 'region', id)
}

export async function createRegion(context: IdentityContext, given: RegionGiven): Promise<Region> {
  const { app } = context
  context.authorize(regionRules.create, {})
  // In a path it has not been through the body's schema.
  if (given.id !== undefined && !/^[^\0]{0,255}$/su.test(given.id))
    throw new CloudError('badRequest', 'The id of a region has 255 characters at most.')
  const row: Region = {
    id: given.id || app.world.random.hexId(),
    description: given.description ?? '',
    parentRegionId: given.parentRegionId ?? null,
    extra: given.extra,
    createdAt: app.world.clock.now(),
  }
  await requireParent(context, row)
  await change(
    app,
    (tx) => insertRegion(tx, row),
    `Conflict occurred attempting to store region - there is a region of the id ${row.id} already.`,
  )
  return row
}

export async function changeRegion(
  context: IdentityContext,
  id: string,
  given: RegionGiven,
): Promise<Region> {
  context.authorize(regionRules.update, {})
  const row = found(await findRegion(context.app.db, id), 'region', id)
  if (given.id !== undefined && given.id !== id)
    throw new CloudError('badRequest', 'The id of a region cannot be changed.')
  const after: Region = {
    ...row,
    description: given.description ?? row.description,
    parentRegionId: given.parentRegionId === undefined ? row.parentRegionId : given.parentRegionId,
    extra: { ...row.extra, ...given.extra },
  }
  await requireParent(context, after)
  await change(context.app, (tx) => updateRegion(tx, id, after))
  return after
}

/** A region must not lie in itself, however far around. */
async function requireParent(context: IdentityContext, row: Region): Promise<void> {
  for (let parentId = row.parentRegionId; parentId !== null; ) {
    if (parentId === row.id) throw new CloudError('forbidden', `Region ${row.id} would lie in itself.`)
    parentId = found(await findRegion(context.app.db, parentId), 'region', parentId).parentRegionId
  }
}

export async function deleteRegion(context: IdentityContext, id: string): Promise<void> {
  context.authorize(regionRules.delete, {})
  found(await findRegion(context.app.db, id), 'region', id)
  await change(context.app, async (tx) => {
    if ((await countInRegion(tx, id)) > 0)
      throw new CloudError('forbidden', `Region ${id} has endpoints in it and cannot be deleted.`)
    if ((await listRegions(tx, { parentRegionId: id })).length > 0)
      throw new CloudError('forbidden', `Region ${id} has regions in it and cannot be deleted.`)
    if ((await listRegisteredLimits(tx, { regionId: id })).length > 0)
      throw new CloudError('forbidden', `Region ${id} has registered limits and cannot be deleted.`)
    await deletePolicyAssociations(tx, { regionId: id })
    await deleteRow(tx, id)
  })
}
