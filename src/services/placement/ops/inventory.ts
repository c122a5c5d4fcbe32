// Decisions about what a provider has: inventories, traits and aggregates, each guarded by the provider's generation.

import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PlacementContext } from '../app.ts'
import type { Inventory, Provider } from '../resources/provider.ts'
import { isStandardClass, isStandardTrait } from '../resources/vocabulary.ts'
import * as store from '../store/provider.ts'
import * as vocabulary from '../store/vocabulary.ts'
import { generationConflict } from './conflict.ts'
import { canonical, existing } from './provider.ts'

export type InventoryGiven = {
  total: number
  reserved?: number
  min_unit?: number
  max_unit?: number
  step_size?: number
  allocation_ratio?: number
}

export async function listInventories(
  context: PlacementContext,
  uuid: string,
): Promise<{ provider: Provider; inventories: Inventory[] }> {
  const provider = await existing(context.app.db, canonical(uuid))
  return { provider, inventories: await store.listInventories(context.app.db, provider.uuid) }
}

export async function getInventory(
  context: PlacementContext,
  uuid: string,
  resourceClass: string,
): Promise<{ provider: Provider; inventory: Inventory }> {
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
): Promise<{ provider: Provider; inventories: Inventory[] }> {
  return changeInventories(context, uuid, seen, async (tx, provider, present) => {
    const gone = present.filter((row) => !(row.resourceClass in wanted))
    for (const row of gone) refuseInUse(provider.uuid, row)
    await store.deleteInventories(
      tx,
      provider.uuid,
      gone.map((row) => row.resourceClass),
    )
    for (const [resourceClass, given] of Object.entries(wanted))
      await put(context, tx, provider.uuid, present, resourceClass, given)
  })
}

/** `create` refuses a class that is there, otherwise it must be there. */
export async function putInventory(
  context: PlacementContext,
  uuid: string,
  resourceClass: string,
  seen: number,
  given: InventoryGiven,
): Promise<{ provider: Provider; inventory: Inventory }> {
  const { provider, inventories } = await changeInventories(
    context,
    uuid,
    seen,
    async (tx, found, present) => {
      if (!present.some((row) => row.resourceClass === resourceClass)) {
        throw new CloudError(
          'badRequest',
          `No inventory record with resource class ${resourceClass}: create it with the whole set`,
        )
      }
      await put(context, tx, found.uuid, present, resourceClass, given)
    },
  )
  return { provider, inventory: inventories.find((row) => row.resourceClass === resourceClass)! }
}

export async function deleteInventory(
  context: PlacementContext,
  uuid: string,
  resourceClass: string,
): Promise<void> {
  await changeInventories(context, uuid, undefined, async (tx, provider, present) => {
    const row = present.find((each) => each.resourceClass === resourceClass)
    if (!row) throw new CloudError('notFound', `No inventory of class ${resourceClass} found for delete`)
    refuseInUse(provider.uuid, row)
    await store.deleteInventories(tx, provider.uuid, [resourceClass])
  })
}

async function changeInventories(
  context: PlacementContext,
  uuid: string,
  seen: number | undefined,
  change: (tx: Db, provider: Provider, present: Inventory[]) => Promise<void>,
): Promise<{ provider: Provider; inventories: Inventory[] }> {
  const { db, world } = context.app
  return db.transaction(async (tx) => {
    const provider = await existing(tx, canonical(uuid))
    if (seen !== undefined && seen !== provider.generation) throw generationConflict()
    await change(tx, provider, await store.listInventories(tx, provider.uuid))
    if (!(await store.raiseGeneration(tx, provider.uuid, provider.generation, world.clock.now())))
      throw generationConflict()
    return {
      provider: { ...provider, generation: provider.generation + 1 },
      inventories: await store.listInventories(tx, provider.uuid),
    }
  })
}

async function put(
  context: PlacementContext,
  tx: Db,
  uuid: string,
  present: Inventory[],
  resourceClass: string,
  given: InventoryGiven,
): Promise<void> {
  await assertClass(tx, resourceClass)
  const reserved = given.reserved ?? 0
  // From 1.26 on all of a provider may be reserved.
  const most = (context.version ?? 0) >= 1026 ? given.total : given.total - 1
  if (reserved > most) {
    throw new CloudError(
      'badRequest',
      `Invalid inventory for '${resourceClass}' on resource provider '${uuid}'. The reserved value is greater than ${most === given.total ? 'total' : 'or equal to total'}.`,
    )
  }
  const allocationRatio = given.allocation_ratio ?? 1
  const values = {
    total: given.total,
    reserved,
    minUnit: given.min_unit ?? 1,
    maxUnit: given.max_unit ?? 2 ** 31 - 1,
    stepSize: given.step_size ?? 1,
    allocationRatio,
    capacity: Math.min(Math.floor((given.total - reserved) * allocationRatio), Number.MAX_SAFE_INTEGER),
    updatedAt: context.app.world.clock.now(),
  }
  // Shrinking below what is used is allowed: it stops new claims and leaves those that are there.
  if (present.some((row) => row.resourceClass === resourceClass))
    await store.updateInventory(tx, uuid, resourceClass, values)
  else await store.insertInventory(tx, [{ providerUuid: uuid, resourceClass, used: 0, ...values }])
}

function refuseInUse(uuid: string, row: Inventory): void {
  if (row.used > 0) {
    throw new CloudError(
      'conflict',
      `Inventory for '${row.resourceClass}' on resource provider '${uuid}' in use.`,
      { type: 'placement.inventory.inuse' },
    )
  }
}

async function assertClass(db: Db, name: string): Promise<void> {
  if (isStandardClass(name) || (await vocabulary.findClass(db, name))) return
  throw new CloudError('badRequest', `Unknown resource class in inventory: No such resource class ${name}.`)
}

export async function replaceTraits(
  context: PlacementContext,
  uuid: string,
  seen: number | undefined,
  traits: string[],
): Promise<{ provider: Provider; traits: string[] }> {
  const { db, world } = context.app
  return db.transaction(async (tx) => {
    const provider = await existing(tx, canonical(uuid))
    if (seen !== undefined && seen !== provider.generation) throw generationConflict()
    const unknown: string[] = []
    for (const name of traits)
      if (!isStandardTrait(name) && !(await vocabulary.findTrait(tx, name))) unknown.push(name)
    if (unknown.length > 0) throw new CloudError('badRequest', `No such trait ${unknown.join(', ')}.`)
    await store.replaceTraits(tx, provider.uuid, traits)
    if (!(await store.raiseGeneration(tx, provider.uuid, provider.generation, world.clock.now())))
      throw generationConflict()
    return { provider: { ...provider, generation: provider.generation + 1 }, traits: [...traits].sort() }
  })
}

/** Before 1.19 the generation is neither asked for nor raised. */
export async function replaceAggregates(
  context: PlacementContext,
  uuid: string,
  seen: number | undefined,
  aggregates: string[],
): Promise<{ provider: Provider; aggregates: string[] }> {
  const { db, world } = context.app
  const list = [...new Set(aggregates.map(canonical))]
  return db.transaction(async (tx) => {
    const provider = await existing(tx, canonical(uuid))
    if (seen !== undefined && seen !== provider.generation) throw generationConflict()
    await store.replaceAggregates(tx, provider.uuid, list)
    if (seen === undefined) return { provider, aggregates: list }
    if (!(await store.raiseGeneration(tx, provider.uuid, provider.generation, world.clock.now())))
      throw generationConflict()
    return { provider: { ...provider, generation: provider.generation + 1 }, aggregates: list }
  })
}
