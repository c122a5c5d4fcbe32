// SQL of how many addresses are taken.
import type { Db } from '#kit/db/database.ts'

/** Taken addresses of each subnet; subnets without any are not in it. */
export async function takenPerSubnet(db: Db, subnetIds: string[]): Promise<Map<string, number>> {
  if (subnetIds.length === 0) return new Map()
  const rows = await db.sql
    .selectFrom('ipallocations')
    .select((e) => ['subnet_id', e.fn.countAll().as('taken')])
    .where('subnet_id', 'in', subnetIds)
    .groupBy('subnet_id')
    .execute()
  return new Map(rows.map((row) => [String(row.subnet_id), Number(row.taken)]))
}
