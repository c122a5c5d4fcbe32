// SQL of images' locations and of bytes that wait for their removal.
import type { Db } from '#kit/db/database.ts'
import { type ImageLocation, type ImageRemoval, imageLocation, imageRemoval } from '../resources/location.ts'

export async function locationsOf(db: Db, imageIds: string[]): Promise<ImageLocation[]> {
  return imageLocation.find(db, { imageId: imageIds }, { orderBy: [['position', 'asc']] })
}

/** Behind those that are there. One row only for each store of our own, also when it's asked twice. */
export async function addLocation(
  db: Db,
  row: Pick<ImageLocation, 'imageId' | 'store' | 'url' | 'metadata' | 'createdAt'>,
): Promise<void> {
  const there = await locationsOf(db, [row.imageId])
  if (row.url === null && there.some((each) => each.store === row.store && each.url === null)) return
  await imageLocation.insert(db, { ...row, position: (there.at(-1)?.position ?? -1) + 1 })
}

export const updateMetadata = (
  db: Db,
  { imageId, position }: ImageLocation,
  metadata: ImageLocation['metadata'],
) => imageLocation.update(db, { imageId, position }, { metadata })

export const deleteLocation = (db: Db, { imageId, position }: ImageLocation) =>
  imageLocation.delete(db, { imageId, position })

/** Of our own stores: what lies elsewhere is nobody's to remove. */
export const dropStore = (db: Db, imageId: string, store: string) =>
  imageLocation.delete(db, { imageId, store, url: null })

export const addRemoval = (db: Db, row: ImageRemoval) => imageRemoval.insertIfAbsent(db, row)
export const isBeingRemoved = async (db: Db, imageId: string) =>
  (await imageRemoval.count(db, { imageId })) > 0
export const findDueRemovals = (db: Db, now: number, limit: number): Promise<ImageRemoval[]> =>
  imageRemoval.find(db, (q) => q.where('dueAt', '<=', now), { orderBy: [['dueAt', 'asc']], limit })
export const deleteRemoval = (db: Db, { imageId, store }: ImageRemoval) =>
  imageRemoval.delete(db, { imageId, store })
