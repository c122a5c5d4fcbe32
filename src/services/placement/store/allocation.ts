// SQL of consumers and their allocations.
import type { Db } from '#kit/db/database.ts'
import { type Allocation, allocation, type Consumer, consumer } from '../resources/allocation.ts'
import type { Build } from './condition.ts'

export const findConsumer = (db: Db, uuid: string) => consumer.get(db, uuid)
/** False where another writer made it first. */
export const insertConsumer = (db: Db, row: Consumer) => consumer.insertIfAbsent(db, row)
export const deleteConsumer = (db: Db, uuid: string) => consumer.delete(db, { uuid })

/** False where another writer was first. */
export async function updateConsumer(
  db: Db,
  seen: Consumer,
  change: { projectId: string; userId: string; consumerType: string | undefined; updatedAt: number },
): Promise<boolean> {
  const where = { uuid: seen.uuid, generation: seen.generation }
  return (await consumer.update(db, where, { ...change, generation: seen.generation + 1 })) === 1
}

export const listByConsumer = (db: Db, consumerUuid: string) => allocation.find(db, { consumerUuid })
/** With the generation of each consumer. */
export async function listByProvider(
  db: Db,
  providerUuid: string,
): Promise<(Allocation & { consumerGeneration: number })[]> {
  const rows = await db.sql
    .selectFrom('allocation')
    .innerJoin('consumer', 'consumer.uuid', 'allocation.consumer_uuid')
    .where('allocation.provider_uuid', '=', providerUuid)
    .selectAll('allocation')
    .select('consumer.generation as consumer_generation')
    .execute()
  return rows.map((row) => ({
    ...allocation.decode(row),
    consumerGeneration: Number(row.consumer_generation),
  }))
}
export const countByProvider = (db: Db, providerUuid: string) => allocation.count(db, { providerUuid })
export const insertAllocations = (db: Db, rows: Allocation[]) => allocation.insert(db, rows)
export const deleteByConsumer = (db: Db, consumerUuid: string) => allocation.delete(db, { consumerUuid })

export type UsageFilter = {
  projectId: string
  userId?: string /** Null is no type. */
  consumerType?: string | null
}
export type Usage = { consumerType: string | null; consumers: number; resources: Record<string, number> }

/** By type of consumer, how many there are and what they hold, over a project's consumers or those of one user. */
export async function usageByType(db: Db, filter: UsageFilter): Promise<Usage[]> {
  const { projectId, userId, consumerType } = filter
  const isOurs = (e: Build) =>
    e.and([
      e('consumer.project_id', '=', projectId),
      ...(userId === undefined ? [] : [e('consumer.user_id', '=', userId)]),
      ...(consumerType === undefined
        ? []
        : [e('consumer.consumer_type', consumerType === null ? 'is' : '=', consumerType)]),
    ])
  const counts = await db.sql
    .selectFrom('consumer')
    .where(isOurs)
    .groupBy('consumer.consumer_type')
    .select((e) => ['consumer.consumer_type as type', e.fn.countAll().as('consumers')])
    .execute()
  const sums = await db.sql
    .selectFrom('allocation')
    .innerJoin('consumer', 'consumer.uuid', 'allocation.consumer_uuid')
    .where(isOurs)
    .groupBy(['consumer.consumer_type', 'allocation.resource_class'])
    .select((e) => [
      'consumer.consumer_type as type',
      'allocation.resource_class as name',
      e.fn.sum('allocation.used').as('used'),
    ])
    .execute()
  return counts.map(({ type, consumers }) => ({
    consumerType: type as string | null,
    consumers: Number(consumers),
    resources: Object.fromEntries(
      sums.filter((row) => row.type === type).map((row) => [String(row.name), Number(row.used)]),
    ),
  }))
}
