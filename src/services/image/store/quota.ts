// SQL of how much of its quotas a project uses.
import type { Db } from '#kit/db/database.ts'
import { image } from '../resources/image.ts'

export const countImages = (db: Db, owner: string) => image.count(db, { owner })

export const countUploading = (db: Db, owner: string) =>
  image.count(db, { owner, status: ['saving', 'uploading', 'importing'] })

/** Bytes, once for each store that has them. */
export async function storedBytes(db: Db, owner: string): Promise<number> {
  return sumOf(db, owner, ['active', 'deactivated'])
}

export async function stagedBytes(db: Db, owner: string): Promise<number> {
  return sumOf(db, owner, ['uploading', 'importing'])
}

async function sumOf(db: Db, owner: string, status: string[]): Promise<number> {
  const columns = image.columns
  const row = await db.sql
    .selectFrom(image.name)
    .select((e) => e.fn.sum(columns.size.databaseName).as('bytes'))
    .where(columns.owner.databaseName, '=', owner)
    .where(columns.status.databaseName, 'in', status)
    .executeTakeFirstOrThrow()
  return Number(row.bytes ?? 0)
}
