// SQL of the cache.
import type { Db } from '#kit/db/database.ts'
import { type CachedImage, cachedImage } from '../resources/cache.ts'

export const findCached = (db: Db, imageId: string) => cachedImage.get(db, imageId)
export const listCached = (db: Db, state: CachedImage['state']): Promise<CachedImage[]> =>
  cachedImage.find(db, { state }, { orderBy: [['queuedAt', 'asc']] })
/** Nothing changes where it is queued or cached already. */
export const queueCached = (db: Db, imageId: string, now: number) =>
  cachedImage.insertIfAbsent(db, {
    imageId,
    state: 'queued',
    size: 0,
    hits: 0,
    queuedAt: now,
    accessedAt: now,
    modifiedAt: now,
  })
export const updateCached = (db: Db, imageId: string, change: Partial<CachedImage>) =>
  cachedImage.update(db, { imageId }, change)
export const deleteCached = (db: Db, imageId: string) => cachedImage.delete(db, { imageId })
