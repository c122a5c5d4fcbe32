// Staged bytes: they wait on this cloud's own disk until an import takes them.
import { ownsChunks } from '#kit/http/chunk.ts'
import type { ImageApp, ImageContext } from '../app.ts'
import { imageRules } from '../resources/image.ts'
import * as store from '../store/image.ts'
import { stagedByTasks } from '../store/task.ts'
import { bodyOf, requireFormats, storeContent } from './content.ts'
import { permittedImage } from './image.ts'
import { claim, type Incoming, release, requirePromised, requireRoom } from './image-data.ts'
import { requireUploadSlot, stageLimit } from './quota.ts'

export async function stageImage(context: ImageContext, id: string, incoming: Incoming): Promise<void> {
  const { app } = context
  const image = await permittedImage(context, id, imageRules.upload)
  const limitBytes = await stageLimit(context)
  requireRoom(incoming, limitBytes)
  const formats = requireFormats(image)
  await requireUploadSlot(context)
  await claim(app, image, ['queued'], 'uploading')
  try {
    const { size } = await storeContent(
      app,
      app.staging,
      id,
      formats,
      bodyOf(incoming.content, app.world.timers),
      limitBytes,
      ownsChunks(incoming.content),
    )
    requirePromised(incoming, { size })
    // Without the claim it is whole: a crash from now on keeps it.
    const change = { size, claimedBy: null, updatedAt: app.world.clock.now() }
    if (!(await store.updateImage(app.db, id, ['uploading'], change))) await app.staging.remove(id)
  } catch (error) {
    await app.staging.remove(id)
    await release(app, id, 'uploading', 'queued')
    throw error
  }
}

/** What a crash left half staged is queued again. */
export async function recoverStages(app: ImageApp): Promise<void> {
  for (const { id, status } of await store.listClaimed(app.db, app.world.host.name)) {
    if (status !== 'uploading') continue
    await app.staging.remove(id)
    await release(app, id, 'uploading', 'queued')
  }
  await app.staging.sweep()
  const working = new Set(await stagedByTasks(app.db))
  for (const { id } of await app.staging.list()) {
    if (working.has(id)) continue
    const image = await store.findImage(app.db, id)
    if (image?.status !== 'uploading' && image?.status !== 'importing') await app.staging.remove(id)
  }
}
