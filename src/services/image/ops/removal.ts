// Bytes go after their rows: what no image names is written down in the transaction that unnamed it, and removed then.
import { isWritable } from '#drivers/imagestore/load.ts'
import type { Db } from '#kit/db/database.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { ImageApp } from '../app.ts'
import type { WholeImage } from '../resources/image.ts'
import { cacheStore, stagingStore } from '../resources/store.ts'
import { importKind, subjectOf } from '../resources/task.ts'
import { deleteCached } from '../store/cache.ts'
import { deleteImage } from '../store/image.ts'
import { addRemoval, deleteRemoval, dropStore, findDueRemovals } from '../store/location.ts'

const batch = 100

/** The location of that store becomes a removal. */
export async function moveToRemoval(app: ImageApp, tx: Db, imageId: string, store: string): Promise<void> {
  await dropStore(tx, imageId, store)
  await addRemoval(tx, { imageId, store, dueAt: app.world.clock.now() })
}

/** The image's rows go at once; its bytes when they are due. */
export async function removeImage(app: ImageApp, image: WholeImage): Promise<void> {
  const dueAt = app.world.clock.now() + app.config.delayedDelete
  const own = image.locations.filter((each) => each.url === null).map((each) => each.store)
  await app.db.transaction(async (tx) => {
    for (const store of [...new Set(own)]) await addRemoval(tx, { imageId: image.id, store, dueAt })
    if (image.status === 'uploading' || image.status === 'importing')
      await addRemoval(tx, { imageId: image.id, store: stagingStore, dueAt: app.world.clock.now() })
    if (app.cache && (await deleteCached(tx, image.id)) > 0)
      await addRemoval(tx, { imageId: image.id, store: cacheStore, dueAt: app.world.clock.now() })
    await deleteImage(tx, image.id)
  })
  if (image.importTask !== null)
    await app.tasks.cancel(subjectOf(image.id), importKind, 'The image was deleted while it was imported.')
  await removeDue(app)
}

/** Doesn't throw: what fails stays written down, and the loop tries again. True where nothing due is left. */
export async function removeDue(app: ImageApp): Promise<boolean> {
  const due = await findDueRemovals(app.db, app.world.clock.now(), batch)
  let left = due.length === batch
  for (const row of due) {
    const source =
      { [stagingStore]: app.staging, [cacheStore]: app.cache }[row.store] ??
      app.stores.find(row.store)?.source
    try {
      if (!source || !isWritable(source))
        throw new Error(`there is no store ${row.store} that could be written to`)
      await source.remove(row.imageId)
      await deleteRemoval(app.db, row)
    } catch (error) {
      left = true
      app.log.warn(
        { imageId: row.imageId, store: row.store, error: fullMessage(error) },
        'the bytes of a deleted image could not be removed; it will be tried again',
      )
    }
  }
  return !left
}
