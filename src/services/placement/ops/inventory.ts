// Decisions about a provider's inventories, each change guarded by the provider's generation.
import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PlacementContext } from '../app.ts'
import type { InventoryBody } from '../resources/allocation.ts'
import type { Inventory, Provider } from '../resources/provider.ts'
import * as store from '../store/provider.ts'
import { concurrentUpdate, generationConflict, inventoryInUse } from './conflict.ts'
import { canonical, existing } from './provider.ts'
import { inOrder, missingClass } from './vocabulary.ts'

export type InventoryGiven = InventoryBody
type Inventories = { provider: Provider; inventories: Inventory[] }
type OneInventory = { provider: Provider; inventory: Inventory }

export async function listInventories(context: PlacementContext, uuid: string): Promise<Inventories> {
  const provider = await existing(context.app.db, canonical(uuid))
  return { provider, inventories: await store.listInventories(context.app.db, provider.uuid) }
}

export async function getInventory(
  context: PlacementContext,
  uuid: string,
  resourceClass: string,
): Promise<OneInventory> {
  const provider = await existing(context.app.db, canonical(uuid))
  const inventory = await store.findInventory(context.app.db, provider.uuid, resourceClass)
  if (!inventory)
    throw new CloudError('notFound', `No inventory of class ${resourceClass} for ${provider.uuid}`)
  return { provider, inventory }
}

/** Makes the provider's inventories exactly these. */
export async function replaceInventories(
  context: PlacementContext,
  uuid: string,
  seen: number | undefined,
  wanted: Record<string, InventoryGiven>,
): Promise<Inventories> {
  return change(context, uuid, seen, async (tx, provider) => {
    await deleteOthers(tx, provider.uuid, wanted)
    await saying('update', provider.uuid, () => putInventories(context, tx, provider.uuid, wanted))
  })
}

export async function createInventory(
  context: PlacementContext,
  uuid: string,
  resourceClass: string,
  seen: number | undefined,
  given: InventoryGiven,
): Promise<OneInventory> {
  const result = await change(context, uuid, seen, async (tx, provider, present) => {
    if (present.some((row) => row.resourceClass === resourceClass))
      throw concurrentUpdate(
        `Update conflict: inventory of class ${resourceClass} already exists on resource provider ${provider.uuid}`,
      )
    await saying('create', provider.uuid, () =>
      putInventories(context, tx, provider.uuid, { [resourceClass]: given }),
    )
  })
  return ofClass(result, resourceClass)
}

export async function updateInventory(
  context: PlacementContext,
  uuid: string,
  resourceClass: string,
  seen: number,
  given: InventoryGiven,
): Promise<OneInventory> {
  const result = await change(context, uuid, seen, async (tx, provider, present) => {
    if (!present.some((row) => row.resourceClass === resourceClass))
      throw new CloudError(
        'badRequest',
        `Unable to update inventory for resource provider ${provider.uuid}: No inventory record with resource class ${resourceClass}; create it first`,
      )
    await saying('update', provider.uuid, () =>
      putInventories(context, tx, provider.uuid, { [resourceClass]: given }),
    )
  })
  return ofClass(result, resourceClass)
}

export async function deleteInventory(
  context: PlacementContext,
  uuid: string,
  resourceClass: string,
): Promise<void> {
  await change(context, uuid, undefined, async (tx, provider, present) => {
    const row = present.find((each) => each.resourceClass === resourceClass)
    if (!row) throw new CloudError('notFound', `No inventory of class ${resourceClass} found for delete`)
    if (row.used > 0) throw inventoryInUse(provider.uuid, [resourceClass])
    await store.deleteInventories(tx, provider.uuid, [resourceClass])
  })
}

/** Adds and changes, and leaves what isn't named. Less than is used is allowed: it stops new claims and keeps the old. */
export async function putInventories(
  context: PlacementContext,
  tx: Db,
  uuid: string,
  wanted: Record<string, InventoryGiven>,
): Promise<void> {
  const unknown = await missingClass(tx, Object.keys(wanted))
  if (unknown !== undefined)
    throw new CloudError(
      'badRequest',
      `Unknown resource class in inventory for resource provider ${uuid}: No such resource class ${unknown}.`,
    )
  const present = new Set((await store.listInventories(tx, uuid)).map((row) => row.resourceClass))
  for (const [resourceClass, given] of Object.entries(wanted)) {
    const values = valuesOf(context, uuid, resourceClass, given)
    if (present.has(resourceClass)) await store.updateInventory(tx, uuid, resourceClass, values)
    else await store.insertInventory(tx, [{ providerUuid: uuid, resourceClass, used: 0, ...values }])
  }
}

/** Deletes inventories that aren't named, if nothing is used of them. */
export async function deleteOthers(tx: Db, uuid: string, kept: Record<string, unknown>): Promise<void> {
  const gone = (await store.listInventories(tx, uuid)).filter(
    (row) => !Object.hasOwn(kept, row.resourceClass),
  )
  const used = inOrder(gone.filter((row) => row.used > 0).map((row) => row.resourceClass))
  if (used.length > 0) throw inventoryInUse(uuid, used)
  if (gone.length > 0)
    await store.deleteInventories(
      tx,
      uuid,
      gone.map((row) => row.resourceClass),
    )
}

function valuesOf(context: PlacementContext, uuid: string, resourceClass: string, given: InventoryGiven) {
  const { total, reserved = 0, allocation_ratio: allocationRatio = 1 } = given
  // From 1.26 on all of a provider may be reserved.
  const mayReserveAll = (context.version ?? 0) >= 1026
  if (reserved > total || (reserved === total && !mayReserveAll)) {
    throw new CloudError(
      'badRequest',
      `Invalid inventory for '${resourceClass}' on resource provider '${uuid}'. The reserved value is greater than ${mayReserveAll ? '' : 'or equal to '}total.`,
    )
  }
  return {
    total,
    reserved,
    minUnit: given.min_unit ?? 1,
    maxUnit: given.max_unit ?? 2 ** 31 - 1,
    stepSize: given.step_size ?? 1,
    allocationRatio,
    capacity: Math.min(Math.floor((total - reserved) * allocationRatio), Number.MAX_SAFE_INTEGER),
    updatedAt: context.app.world.clock.now(),
  }
}

/** What was being done to which provider stands before why it can't be. */
async function saying(verb: 'create' | 'update', uuid: string, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'badRequest') throw error
    throw new CloudError(
      'badRequest',
      `Unable to ${verb} inventory for resource provider ${uuid}: ${error.message}`,
      { cause: error, type: error.type },
    )
  }
}

async function change(
  context: PlacementContext,
  uuid: string,
  seen: number | undefined,
  work: (tx: Db, provider: Provider, present: Inventory[]) => Promise<void>,
): Promise<Inventories> {
  const { db, world } = context.app
  return db.transaction(async (tx) => {
    const provider = await existing(tx, canonical(uuid))
    if (seen !== undefined && seen !== provider.generation)
      throw generationConflict(provider.generation, seen)
    await work(tx, provider, await store.listInventories(tx, provider.uuid))
    if (!(await store.raiseGeneration(tx, provider.uuid, provider.generation, world.clock.now())))
      throw generationConflict()
    return {
      provider: { ...provider, generation: provider.generation + 1 },
      inventories: await store.listInventories(tx, provider.uuid),
    }
  })
}

function ofClass({ provider, inventories }: Inventories, resourceClass: string): OneInventory {
  return { provider, inventory: inventories.find((row) => row.resourceClass === resourceClass)! }
}
