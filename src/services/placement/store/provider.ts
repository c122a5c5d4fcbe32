// SQL of resource providers and of what each has.
import type { Db } from '#kit/db/database.ts'
import {
  type Inventory,
  inventory,
  type Provider,
  provider,
  providerAggregate,
  providerTrait,
} from '../resources/provider.ts'

export const findProvider = (db: Db, uuid: string) => provider.get(db, uuid)
export const findProviderByName = (db: Db, name: string) => provider.first(db, { name })
export const insertProvider = (db: Db, row: Provider) => provider.insert(db, row)
export const countChildren = (db: Db, uuid: string) => provider.count(db, { parentUuid: uuid })
export const listTree = (db: Db, rootUuid: string) => provider.find(db, { rootUuid })
export const setRoot = (db: Db, uuids: string[], rootUuid: string) =>
  provider.update(db, { uuid: uuids }, { rootUuid })

export function listProviders(
  db: Db,
  filter: { uuids?: string[]; name?: string; rootUuid?: string },
): Promise<Provider[]> {
  return provider.find(
    db,
    {
      ...(filter.uuids && { uuid: filter.uuids }),
      ...(filter.name !== undefined && { name: filter.name }),
      ...(filter.rootUuid !== undefined && { rootUuid: filter.rootUuid }),
    },
    {
      orderBy: [
        ['createdAt', 'asc'],
        ['uuid', 'asc'],
      ],
    },
  )
}

export const updateProvider = (db: Db, uuid: string, change: Partial<Provider>) =>
  provider.update(db, { uuid }, change)

/** False where another writer was first: the caller's generation is no longer the provider's. */
export async function raiseGeneration(db: Db, uuid: string, seen: number, now: number): Promise<boolean> {
  return (
    (await provider.update(db, { uuid, generation: seen }, { generation: seen + 1, updatedAt: now })) === 1
  )
}

export async function deleteProvider(db: Db, uuid: string): Promise<void> {
  await inventory.delete(db, { providerUuid: uuid })
  await providerTrait.delete(db, { providerUuid: uuid })
  await providerAggregate.delete(db, { providerUuid: uuid })
  await provider.delete(db, { uuid })
}

export const listInventories = (db: Db, providerUuids: string | string[]) =>
  inventory.find(db, { providerUuid: providerUuids })
export const findInventory = (db: Db, providerUuid: string, resourceClass: string) =>
  inventory.get(db, { providerUuid, resourceClass })
export const insertInventory = (db: Db, rows: Inventory[]) => inventory.insert(db, rows)
export const updateInventory = (
  db: Db,
  providerUuid: string,
  resourceClass: string,
  change: Partial<Inventory>,
) => inventory.update(db, { providerUuid, resourceClass }, change)
export const deleteInventories = (db: Db, providerUuid: string, resourceClass: string[]) =>
  inventory.delete(db, { providerUuid, resourceClass })
export const countInventoriesOf = (db: Db, resourceClass: string) => inventory.count(db, { resourceClass })

/** Providers with room for `amount` of a class, whose units allow it; those of `among` where given. */
export async function providersWithRoom(
  db: Db,
  resourceClass: string,
  amount: number,
  among?: readonly string[],
): Promise<Inventory[]> {
  return inventory.find(db, (q) =>
    (among ? q.where('providerUuid', 'in', [...among]) : q)
      .where('resourceClass', '=', resourceClass)
      .where('minUnit', '<=', amount)
      .where('maxUnit', '>=', amount)
      .where((e) => e('used', '<=', e('capacity', '-', amount)))
      .where((e) => e(e(e.val(amount), '%', e.ref('stepSize')), '=', 0)),
  )
}

/** Providers that have room for all of it by themselves: their ids alone, as there may be thousands. */
export async function providersWithRoomForAll(
  db: Db,
  resources: readonly (readonly [resourceClass: string, amount: number])[],
): Promise<string[]> {
  let query = db.sql.selectFrom('inventory as i0').select('i0.provider_uuid as uuid')
  resources.forEach(([resourceClass, amount], index) => {
    const table = `i${index}`
    const column = (name: string) => `${table}.${name}`
    if (index > 0)
      query = query.innerJoin(`inventory as ${table}`, column('provider_uuid'), 'i0.provider_uuid')
    query = query
      .where(column('resource_class'), '=', resourceClass)
      .where(column('min_unit'), '<=', amount)
      .where(column('max_unit'), '>=', amount)
      .where((e) => e(column('used'), '<=', e(column('capacity'), '-', amount)))
      .where((e) => e(e(e.val(amount), '%', e.ref(column('step_size'))), '=', 0))
  })
  return (await query.execute()).map((row) => String(row.uuid))
}

/** Adds to what is used; false where it would go over the capacity. One statement, so two claims can't both win the last unit. */
export async function takeFromInventory(
  db: Db,
  providerUuid: string,
  resourceClass: string,
  amount: number,
): Promise<boolean> {
  const { numUpdatedRows } = await db.sql
    .updateTable('inventory')
    .set((e) => ({ used: e('used', '+', amount) }))
    .where('provider_uuid', '=', providerUuid)
    .where('resource_class', '=', resourceClass)
    .where((e) => e(e('used', '+', amount), '<=', e.ref('capacity')))
    .executeTakeFirstOrThrow()
  return Number(numUpdatedRows) === 1
}

export async function giveBackToInventory(
  db: Db,
  providerUuid: string,
  resourceClass: string,
  amount: number,
): Promise<void> {
  await db.sql
    .updateTable('inventory')
    .set((e) => ({ used: e('used', '-', amount) }))
    .where('provider_uuid', '=', providerUuid)
    .where('resource_class', '=', resourceClass)
    .execute()
}

export async function listTraitsOf(db: Db, providerUuids: string[]): Promise<Map<string, string[]>> {
  return group(await providerTrait.find(db, { providerUuid: providerUuids }), (row) => row.trait)
}
export async function listAggregatesOf(db: Db, providerUuids: string[]): Promise<Map<string, string[]>> {
  return group(await providerAggregate.find(db, { providerUuid: providerUuids }), (row) => row.aggregateUuid)
}
export async function providersInAggregates(db: Db, aggregateUuids: string[]): Promise<Set<string>> {
  return new Set(
    (await providerAggregate.find(db, { aggregateUuid: aggregateUuids })).map((row) => row.providerUuid),
  )
}
export const countProvidersWithTrait = (db: Db, trait: string) => providerTrait.count(db, { trait })
export async function traitsInUse(db: Db): Promise<Set<string>> {
  const rows = await db.sql.selectFrom('resource_provider_trait').select('trait').distinct().execute()
  return new Set(rows.map((row) => String(row.trait)))
}

export async function replaceTraits(db: Db, providerUuid: string, traits: string[]): Promise<void> {
  await providerTrait.delete(db, { providerUuid })
  if (traits.length > 0)
    await providerTrait.insert(
      db,
      traits.map((trait) => ({ providerUuid, trait })),
    )
}
export async function replaceAggregates(db: Db, providerUuid: string, aggregates: string[]): Promise<void> {
  await providerAggregate.delete(db, { providerUuid })
  if (aggregates.length > 0)
    await providerAggregate.insert(
      db,
      aggregates.map((aggregateUuid) => ({ providerUuid, aggregateUuid })),
    )
}

function group<R extends { providerUuid: string }>(
  rows: R[],
  value: (row: R) => string,
): Map<string, string[]> {
  const map = new Map<string, string[]>()
  for (const row of rows) {
    const list = map.get(row.providerUuid)
    if (list) list.push(value(row))
    else map.set(row.providerUuid, [value(row)])
  }
  return map
}
