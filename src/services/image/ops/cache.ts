// Copies of images on this host: what is queued for it, what is there, and what has to go.
import { Readable } from 'node:stream'
import type { ByteRange, ImageStore } from '#drivers/imagestore/load.ts'
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import { verifiedBytes } from '#kit/image-format/verify.ts'
import type { ImageApp, ImageContext } from '../app.ts'
import { cachedView, cacheRules } from '../resources/cache.ts'
import type { WholeImage } from '../resources/image.ts'
import * as store from '../store/cache.ts'
import { findImage } from '../store/image.ts'
import { visibleImage } from './image.ts'
import { readingOrder, refOf } from './store.ts'

function cacheOf({ cache }: ImageApp): ImageStore {
  if (!cache) throw new CloudError('notFound', 'Caching via API is not supported at this site.')
  return cache
}

export async function showCache(context: ImageContext): Promise<Record<string, unknown>> {
  context.authorize(cacheRules.list, {})
  const { app } = context
  cacheOf(app)
  return {
    cached_images: (await store.listCached(app.db, 'cached')).map(cachedView),
    queued_images: (await store.listCached(app.db, 'queued')).map((each) => each.imageId),
  }
}

export async function queueImage(context: ImageContext, id: string): Promise<void> {
  context.authorize(cacheRules.queue, {})
  const { app } = context
  cacheOf(app)
  const { image } = await visibleImage(context, id)
  if (image.status !== 'active')
    throw new CloudError('badRequest', `Only images with status active can be targeted for queueing`)
  await store.queueCached(app.db, id, app.world.clock.now())
}

export async function dropImage(context: ImageContext, id: string): Promise<void> {
  context.authorize(cacheRules.delete, {})
  const { app } = context
  const cache = cacheOf(app)
  if (!(await store.findCached(app.db, id)))
    throw new CloudError('notFound', `Image ${id} is neither cached nor queued`)
  await drop(app, cache, id)
}

/** `target`: 'cache' or 'queue', or both where nothing is said. */
export async function clearCache(context: ImageContext, target: string | undefined): Promise<void> {
  context.authorize(cacheRules.delete, {})
  const { app } = context
  const cache = cacheOf(app)
  if (target !== undefined && target !== '' && target !== 'cache' && target !== 'queue')
    throw new CloudError('badRequest', "If provided 'x-image-cache-clear-target' must be 'cache' or 'queue'")
  for (const [word, state] of [
    ['cache', 'cached'],
    ['queue', 'queued'],
  ] as const) {
    if (target && target !== word) continue
    for (const { imageId } of await store.listCached(app.db, state)) await drop(app, cache, imageId)
  }
}

/** Files without a row, rows without a file. */
export async function cleanCache(context: ImageContext): Promise<void> {
  context.authorize(cacheRules.clean, {})
  await tidyCache(context.app, cacheOf(context.app))
}

export async function pruneCache(context: ImageContext): Promise<Record<string, unknown>> {
  context.authorize(cacheRules.prune, {})
  const { files, bytes } = await prune(context.app, cacheOf(context.app))
  return { total_files_pruned: files, total_bytes_pruned: bytes }
}

/** Undefined where it isn't cached here; it is queued then, as whoever reads it once reads it again. */
export async function readCached(
  app: ImageApp,
  image: WholeImage,
  range: ByteRange | undefined,
): Promise<Readable | undefined> {
  const { cache } = app
  if (!cache || image.status !== 'active') return undefined
  const now = app.world.clock.now()
  const row = await store.findCached(app.db, image.id)
  if (row?.state !== 'cached' || !(await cache.info(image.id))) {
    if (!row) await store.queueCached(app.db, image.id, now)
    return undefined
  }
  await store.updateCached(app.db, image.id, { hits: row.hits + 1, accessedAt: now })
  return cache.get(image.id, range)
}

/** One turn of the loop: queued images are fetched, what has lost its image goes, then what is too much. */
export async function keepCache(app: ImageApp, cache: ImageStore): Promise<void> {
  for (const { imageId } of await store.listCached(app.db, 'queued')) {
    const image = await findImage(app.db, imageId)
    if (image?.status !== 'active') await drop(app, cache, imageId)
    else await fetchImage(app, cache, image)
  }
  await prune(app, cache)
}

async function fetchImage(app: ImageApp, cache: ImageStore, image: WholeImage): Promise<void> {
  const [first] = readingOrder(app, image)
  try {
    if (!first) throw new CloudError('notFound', 'No store that is open here has it')
    const promised = {
      id: image.id,
      sizeBytes: image.size ?? 0,
      hashAlgorithm: image.osHashAlgo ?? undefined,
      hashValue: image.osHashValue ?? undefined,
    }
    const source = await first.source.get(refOf(first.location))
    const content = Readable.from(verifiedBytes(promised, source), { objectMode: false })
    await cache.put(image.id, content, { limitBytes: promised.sizeBytes, check: async () => {} })
    const now = app.world.clock.now()
    const change = { state: 'cached', size: promised.sizeBytes, modifiedAt: now } as const
    // Taken out of the queue meanwhile: then the copy goes, too.
    if ((await store.updateCached(app.db, image.id, change)) === 0) await cache.remove(image.id)
  } catch (error) {
    await drop(app, cache, image.id)
    app.log.warn({ imageId: image.id, error: fullMessage(error) }, 'an image could not be cached')
  }
}

export async function tidyCache(app: ImageApp, cache: ImageStore): Promise<void> {
  await cache.sweep()
  const rows = new Map((await store.listCached(app.db, 'cached')).map((each) => [each.imageId, each]))
  const files = new Set<string>()
  for (const { id } of await cache.list()) {
    if (rows.has(id) && (await findImage(app.db, id))) files.add(id)
    else await drop(app, cache, id)
  }
  for (const id of rows.keys()) if (!files.has(id)) await store.deleteCached(app.db, id)
}

/** Those unused longest go first. */
async function prune(app: ImageApp, cache: ImageStore): Promise<{ files: number; bytes: number }> {
  const rows = await store.listCached(app.db, 'cached')
  let left = rows.reduce((sum, each) => sum + each.size, 0)
  const gone = { files: 0, bytes: 0 }
  for (const { imageId, size } of rows.toSorted((a, b) => a.accessedAt - b.accessedAt)) {
    if (left <= app.config.cacheMaxGib * 2 ** 30) break
    await drop(app, cache, imageId)
    left -= size
    gone.files += 1
    gone.bytes += size
  }
  return gone
}

async function drop(app: ImageApp, cache: ImageStore, id: string): Promise<void> {
  await store.deleteCached(app.db, id)
  await cache.remove(id)
}
