// SQL of how much of its quotas a project uses.
import type { Db } from '#kit/db/database.ts'
import { image } from '../resources/image.ts'
import { imageLocation } from '../resources/location.ts'

export const countImages = (db: Db, owner: string) => image.count(db, { owner })

export const countUploading = (db: Db, owner: string) =>
  image.count(db, { owner, status: ['saving', 'uploading', 'importing'] })

/** Bytes in our own stores, once for each of them. */
export async function storedBytes(db: Db, owner: string): Promise<number> {
  const { size, status, owner: of } = image.columns
  const { imageId, url } = imageLocation.columns
  const row = await db.sql
    .selectFrom(image.name)
    .innerJoin(imageLocation.name, `${imageLocation.name}.${imageId.databaseName}`, `${image.name}.id`)
    .select((e) => e.fn.sum(`${image.name}.${size.databaseName}`).as('bytes'))
    .where(`${image.name}.${of.databaseName}`, '=', owner)
    .where(`${image.name}.${status.databaseName}`, 'in', ['active', 'deactivated'])
    .where(`${imageLocation.name}.${url.databaseName}`, 'is', null)
    .executeTakeFirstOrThrow()
  return Number(row.bytes ?? 0)
}

/** Bytes that wait for an import. */
export async function stagedBytes(db: Db, owner: string): Promise<number> {
  const { size, status, owner: of } = image.columns
  const row = await db.sql
    .selectFrom(image.name)
    .select((e) => e.fn.sum(size.databaseName).as('bytes'))
    .where(of.databaseName, '=', owner)
    .where(status.databaseName, 'in', ['uploading', 'importing'])
    .executeTakeFirstOrThrow()
  return Number(row.bytes ?? 0)
}
