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
import { type Build, hasRoom, isMarked, type Marks } from './condition.ts'

export const findProvider = (db: Db, uuid: string) => provider.get(db, uuid)
export const findProviderByName = (db: Db, name: string) => provider.first(db, { name })
export const insertProvider = (db: Db, row: Provider) => provider.insert(db, row)
export const countChildren = (db: Db, uuid: string) => provider.count(db, { parentUuid: uuid })
export const listTree = (db: Db, rootUuid: string) => provider.find(db, { rootUuid })
export async function setRoot(db: Db, uuids: string[], rootUuid: string): Promise<void> {
  await provider.update(db, { uuid: uuids }, { rootUuid })
  await raiseEdition(db, uuids)
}

export type ProviderFilter = Marks & {
  uuid: string | undefined
  name: string | undefined
  rootUuid: string | undefined
  resources: readonly (readonly [resourceClass: string, amount: number])[]
}

/** Oldest first. */
export async function searchProviders(db: Db, filter: ProviderFilter): Promise<Provider[]> {
  let query = db.sql.selectFrom('resource_provider as p').selectAll('p')
  const { uuid, name, rootUuid, resources } = filter
  if (uuid !== undefined) query = query.where('p.uuid', '=', uuid)
  if (name !== undefined) query = query.where('p.name', '=', name)
  if (rootUuid !== undefined) query = query.where('p.root_uuid', '=', rootUuid)
  query = query.where((e: Build) =>
    e.and([
      ...resources.map(([resourceClass, amount]) => hasRoom(e, 'p.uuid', resourceClass, amount)),
      ...isMarked(e, 'p.uuid', filter),
    ]),
  )
  const rows = await query.orderBy('p.created_at').orderBy('p.uuid').execute()
  return rows.map((row) => provider.decode(row))
}

export const listProvidersById = (db: Db, uuids: readonly string[]) => provider.find(db, { uuid: uuids })

export const updateProvider = (db: Db, uuid: string, change: Partial<Provider>) =>
  provider.update(db, { uuid }, change)

/** False where another writer was first: the caller's generation is no longer the provider's. */
export async function raiseGeneration(db: Db, uuid: string, seen: number, now: number): Promise<boolean> {
  return (
    (await provider.update(db, { uuid, generation: seen }, { generation: seen + 1, updatedAt: now })) === 1
  )
}

/** For a change of what they have, or of who uses it, that leaves their generation. */
export async function raiseEdition(db: Db, uuids: readonly string[]): Promise<void> {
  if (uuids.length === 0) return
  await db.sql
    .updateTable('resource_provider')
    .set((e) => ({ edition: e('edition', '+', 1) }))
    .where('uuid', 'in', uuids)
    .execute()
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
