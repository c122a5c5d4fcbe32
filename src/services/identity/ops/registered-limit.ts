// Decisions about registered limits: what each project may have of a resource where nothing else is said.
import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { IdentityContext } from '../app.ts'
import {
  type NewRegisteredLimit,
  noRegion,
  type RegisteredLimit,
  type RegisteredLimitChange,
  registeredLimitRules,
} from '../resources/limit.ts'
import {
  countLimitsOn,
  deleteRegisteredLimits,
  findRegisteredLimit,
  insertRegisteredLimits,
  listRegisteredLimits,
  type RegisteredLimitFilter,
  updateRegisteredLimit,
} from '../store/limit.ts'
import { findRegion } from '../store/region.ts'
import { findService } from '../store/service.ts'
import { change, found } from './change.ts'

export async function listRegisteredLimitsFor(
  context: IdentityContext,
  filter: RegisteredLimitFilter,
): Promise<RegisteredLimit[]> {
  context.authorize(registeredLimitRules.list, {})
  return listRegisteredLimits(context.app.db, filter)
}

export async function getRegisteredLimit(context: IdentityContext, id: string): Promise<RegisteredLimit> {
  context.authorize(registeredLimitRules.get, {})
  return found(await findRegisteredLimit(context.app.db, id), 'registered limit', id)
}

/** All of them or none. */
export async function createRegisteredLimits(
  context: IdentityContext,
  given: readonly NewRegisteredLimit[],
): Promise<RegisteredLimit[]> {
  const { app } = context
  context.authorize(registeredLimitRules.create, {})
  const rows = given.map((each) => ({
    id: app.world.random.hexId(),
    serviceId: each.service_id,
    regionId: each.region_id ?? noRegion,
    resourceName: each.resource_name,
    defaultLimit: each.default_limit,
    description: each.description ?? null,
    createdAt: app.world.clock.now(),
  }))
  await change(
    app,
    async (tx) => {
      for (const row of rows) await requirePlace(tx, row)
      await insertRegisteredLimits(tx, rows)
    },
    'Conflict occurred attempting to store registered_limit - there is one of this service, region and resource.',
  )
  return rows
}

export async function changeRegisteredLimit(
  context: IdentityContext,
  id: string,
  given: RegisteredLimitChange,
): Promise<RegisteredLimit> {
  context.authorize(registeredLimitRules.update, {})
  const row = found(await findRegisteredLimit(context.app.db, id), 'registered limit', id)
  const after: RegisteredLimit = {
    ...row,
    serviceId: given.serviceId ?? row.serviceId,
    regionId: given.regionId === undefined ? row.regionId : (given.regionId ?? noRegion),
    resourceName: given.resourceName ?? row.resourceName,
    defaultLimit: given.defaultLimit ?? row.defaultLimit,
    description: given.description === undefined ? row.description : given.description,
  }
  await change(
    context.app,
    async (tx) => {
      await requirePlace(tx, after)
      const moved =
        after.serviceId !== row.serviceId ||
        after.regionId !== row.regionId ||
        after.resourceName !== row.resourceName
      if (moved) await refuseOverridden(tx, id)
      await updateRegisteredLimit(tx, id, after)
    },
    'Conflict occurred attempting to store registered_limit - there is one of this service, region and resource.',
  )
  return after
}

export async function deleteRegisteredLimit(context: IdentityContext, id: string): Promise<void> {
  context.authorize(registeredLimitRules.delete, {})
  found(await findRegisteredLimit(context.app.db, id), 'registered limit', id)
  await change(context.app, async (tx) => {
    await refuseOverridden(tx, id)
    await deleteRegisteredLimits(tx, [id])
  })
}

async function refuseOverridden(db: Db, id: string): Promise<void> {
  if ((await countLimitsOn(db, [id])) > 0)
    throw new CloudError(
      'forbidden',
      `Unable to update or delete registered limit ${id} because there are project limits associated with it.`,
    )
}

async function requirePlace(db: Db, row: Pick<RegisteredLimit, 'serviceId' | 'regionId'>): Promise<void> {
  if (!(await findService(db, row.serviceId)))
    throw new CloudError('badRequest', `There is no service ${row.serviceId}.`)
  if (row.regionId !== noRegion && !(await findRegion(db, row.regionId)))
    throw new CloudError('badRequest', `There is no region ${row.regionId}.`)
}
