// SQL of consumers and their allocations.
import type { Db } from '#kit/db/database.ts'
import { type Allocation, allocation, type Consumer, consumer } from '../resources/allocation.ts'

export const findConsumer = (db: Db, uuid: string) => consumer.get(db, uuid)
/** False where another writer made it first. */
export const insertConsumer = (db: Db, row: Consumer) => consumer.insertIfAbsent(db, row)
export const deleteConsumer = (db: Db, uuid: string) => consumer.delete(db, { uuid })

/** False where another writer was first. */
export async function updateConsumer(
  db: Db,
  seen: Consumer,
  change: { projectId: string; userId: string },
): Promise<boolean> {
  const where = { uuid: seen.uuid, generation: seen.generation }
  return (await consumer.update(db, where, { ...change, generation: seen.generation + 1 })) === 1
}

export const listByConsumer = (db: Db, consumerUuid: string) => allocation.find(db, { consumerUuid })
export const listByProvider = (db: Db, providerUuid: string) => allocation.find(db, { providerUuid })
export const countByProvider = (db: Db, providerUuid: string) => allocation.count(db, { providerUuid })
export const insertAllocations = (db: Db, rows: Allocation[]) => allocation.insert(db, rows)
export const deleteByConsumer = (db: Db, consumerUuid: string) => allocation.delete(db, { consumerUuid })

/** Sums by resource class over a project's consumers, or one user's of them. */
export async function usageOf(
  db: Db,
  projectId: string,
  userId: string | undefined,
): Promise<Record<string, number>> {
  let query = db.sql
    .selectFrom('allocation')
    .innerJoin('consumer', 'consumer.uuid', 'allocation.consumer_uuid')
    .where('consumer.project_id', '=', projectId)
  if (userId !== undefined) query = query.where('consumer.user_id', '=', userId)
  const rows = await query
    .groupBy('allocation.resource_class')
    .select((e) => ['allocation.resource_class as name', e.fn.sum('allocation.used').as('used')])
    .execute()
  return Object.fromEntries(rows.map((row) => [String(row.name), Number(row.used)]))
}
