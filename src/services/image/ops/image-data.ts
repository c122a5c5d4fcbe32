// Uploads and downloads. A broken upload leaves the image as it was before.
import type { Readable } from 'node:stream'
import { type ByteRange, isWritable } from '#drivers/imagestore/load.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { ownsChunks } from '#kit/http/chunk.ts'
import type { ImageApp, ImageContext } from '../app.ts'
import { type Image, type ImageStatus, imageRules, type WholeImage } from '../resources/image.ts'
import * as store from '../store/image.ts'
import { addLocation } from '../store/location.ts'
import { isAdmin } from './admin.ts'
import { readCached } from './cache.ts'
import { bodyOf, type Content, requireFormats, storeContent } from './content.ts'
import { permittedImage, visibleImage } from './image.ts'
import { notify } from './notify.ts'
import { requireUploadSlot, uploadLimit } from './quota.ts'
import { refuseSigned } from './signature.ts'
import { readingOrder, refOf, writableStore } from './store.ts'

/** What a request says of the bytes that follow. */
export type Incoming = {
  content: Readable
  /** The store that it asks for. */
  store?: string
  /** Bytes by Content-Length, and by x-openstack-image-size. */
  announced?: number
  promised?: number
}

export async function uploadImage(context: ImageContext, id: string, incoming: Incoming): Promise<void> {
  const { app } = context
  const image = await permittedImage(context, id, imageRules.upload)
  const formats = requireFormats(image)
  const target = writableStore(app, incoming.store)
  const limitBytes = await uploadLimit(context)
  requireRoom(incoming, limitBytes)
  refuseSigned(image)
  await requireUploadSlot(context)
  await claim(app, image, ['queued'], 'saving')
  try {
    const content = await storeContent(
      app,
      target.store,
      id,
      formats,
      bodyOf(incoming.content, app.world.timers),
      limitBytes,
      ownsChunks(incoming.content),
    )
    try {
      requirePromised(incoming, content)
      await keepContent(app, id, target.id, content)
    } catch (error) {
      await target.store.remove(id)
      throw error
    }
    notify(context, 'image.upload', { ...image, ...content, status: 'active' })
  } catch (error) {
    await release(app, id, 'saving', 'queued')
    throw error
  }
}

/** Refuses at once what says that it is too much. */
export function requireRoom(
  { announced, promised }: Pick<Incoming, 'announced' | 'promised'>,
  limitBytes: number,
): void {
  if (Math.max(announced ?? 0, promised ?? 0) > limitBytes)
    throw new CloudError('tooLarge', `Denying attempt to upload image larger than ${limitBytes} bytes.`)
}

export function requirePromised({ promised }: Incoming, { size }: Pick<Content, 'size'>): void {
  if (promised !== undefined && promised !== size)
    throw new CloudError('badRequest', `Size mismatch: expected ${promised} bytes but received ${size} bytes`)
}

/** Of several who would give an image its bytes one gets it. Kind 'conflict' for the others. */
export async function claim(
  app: ImageApp,
  image: Image,
  from: ImageStatus[],
  to: ImageStatus,
): Promise<void> {
  const change = { status: to, claimedBy: app.world.host.name, updatedAt: app.world.clock.now() }
  if (!(await store.updateImage(app.db, image.id, from, change)))
    throw new CloudError('conflict', `Image status transition from ${image.status} to ${to} is not allowed`)
}

export async function release(app: ImageApp, id: string, from: ImageStatus, to: ImageStatus): Promise<void> {
  await store.updateImage(app.db, id, [from], { status: to, claimedBy: null })
}

async function keepContent(app: ImageApp, id: string, storeId: string, content: Content): Promise<void> {
  const now = app.world.clock.now()
  await app.db.transaction(async (tx) => {
    const change = { ...content, status: 'active' as const, claimedBy: null, updatedAt: now }
    if (!(await store.updateImage(tx, id, ['saving'], change)))
      throw new CloudError('gone', `Image ${id} was deleted while it was uploaded`)
    await addLocation(tx, { imageId: id, store: storeId, url: null, metadata: {}, createdAt: now })
  })
}

export type Download = { image: WholeImage; content: Readable | undefined; range: ByteRange | undefined }

/** No content where nothing was uploaded yet. */
export async function downloadImage(
  context: ImageContext,
  id: string,
  range: string | undefined,
): Promise<Download> {
  const { image, target } = await visibleImage(context, id)
  context.authorize(imageRules.download, target)
  if (image.status === 'deactivated' && !isAdmin(context)) {
    throw new CloudError(
      'forbidden',
      'The requested image has been deactivated. Image data download is forbidden.',
    )
  }
  if (image.size === null || image.locations.length === 0)
    return { image, content: undefined, range: undefined }
  const wanted = range === undefined ? undefined : readRange(range, image.size)
  const content =
    (await readCached(context.app, image, wanted)) ?? (await readContent(context.app, image, wanted))
  return { image, content, range: wanted }
}

/** From the first store that has it. Kind 'notFound' where none does any more. */
async function readContent(app: ImageApp, image: WholeImage, range?: ByteRange): Promise<Readable> {
  let failure: unknown = new CloudError('notFound', `No store that is open here has image ${image.id}`)
  for (const { location, source } of readingOrder(app, image)) {
    try {
      return await source.get(refOf(location), range)
    } catch (error) {
      failure = error
      app.log.warn(
        { imageId: image.id, store: location.store, error: String(error) },
        'an image could not be read from a store that should have it',
      )
    }
  }
  throw failure
}

/** One range of `bytes=`; several are not served, as Glance doesn't. */
function readRange(text: string, size: number): ByteRange {
  const match = /^bytes=(\d*)-(\d*)$/.exec(text.trim())
  const refused = new CloudError('rangeNotSatisfiable', `Invalid range: ${text}`, {
    headers: { 'content-range': `bytes */${size}` },
  })
  if (!match || (match[1] === '' && match[2] === '')) throw refused
  const start = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1])
  const end = match[1] === '' || match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1)
  if (start > end || start >= size) throw refused
  return { start, end }
}

/** After a crash: half uploads are cut off, and bytes that no image names are removed. */
export async function recoverUploads(app: ImageApp): Promise<void> {
  const stores = app.stores.list.flatMap(({ id, source, readOnly }) =>
    isWritable(source) && !readOnly ? [{ id, source }] : [],
  )
  for (const { source } of stores) await source.sweep()
  for (const { id, status } of await store.listClaimed(app.db, app.world.host.name)) {
    if (status !== 'saving') continue
    for (const { source } of stores) await source.remove(id)
    await release(app, id, 'saving', 'queued')
  }
  for (const { id: storeId, source } of stores) {
    for (const { id } of await source.list()) {
      const image = await store.findImage(app.db, id)
      // Whatever has the image for itself now will name the store, or remove the bytes.
      const busy = image?.status === 'saving' || image?.importTask != null
      if (!busy && !image?.locations.some((each) => each.store === storeId)) await source.remove(id)
    }
  }
}
