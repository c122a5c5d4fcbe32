// The bytes of images: taken in one pass through inspection, checksums and the store; a broken upload leaves the image
// as it was before.
import { pipeline, type Readable, Transform } from 'node:stream'
import type { ByteRange } from '#drivers/imagestore/load.ts'
import type { Digest } from '#kit/digest/digest.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { requireSafeImage } from '#kit/image-format/check.ts'
import { inspectImage } from '#kit/image-format/inspect.ts'
import { watchedUpload } from '#kit/image-format/stream.ts'
import type { ImageContext } from '../app.ts'
import { imageRules, type WholeImage } from '../resources/image.ts'
import * as store from '../store/image.ts'
import { permittedImage, visibleImage } from './image.ts'
import { notify } from './notify.ts'

const hashAlgorithm = 'sha512'

export async function uploadImage(context: ImageContext, id: string, content: Readable): Promise<void> {
  const { app } = context
  const image = await permittedImage(context, id, imageRules.upload)
  const { diskFormat, containerFormat } = image
  if (diskFormat === null || containerFormat === null) {
    throw new CloudError(
      'badRequest',
      `Properties disk_format, container_format must be set prior to saving data.`,
    )
  }
  if (
    !(await store.updateImage(app.db, id, ['queued'], { status: 'saving', updatedAt: app.world.clock.now() }))
  ) {
    throw new CloudError('conflict', `Image status transition from ${image.status} to saving is not allowed`)
  }
  const digest = app.digester.start(['md5', hashAlgorithm])
  try {
    let virtualSize = 0
    // An error anywhere in the chain, a client that goes away among them, ends all of it and reaches the store's loop.
    const checked = pipeline(content, watchedUpload(diskFormat), hashing(digest), () => {})
    const { sizeBytes } = await app.store.put(id, checked, {
      limitBytes: app.config.maxSizeGib * 2 ** 30,
      async check(read, size) {
        const info = await inspectImage(read, size)
        requireSafeImage(info, diskFormat)
        virtualSize = info.virtualSize
      },
    })
    const digests = await digest.end()
    const facts = {
      size: sizeBytes,
      virtualSize,
      checksum: digests.md5,
      osHashAlgo: hashAlgorithm,
      osHashValue: digests[hashAlgorithm],
      status: 'active' as const,
      updatedAt: app.world.clock.now(),
    }
    if (!(await store.updateImage(app.db, id, ['saving'], facts))) {
      await app.store.remove(id)
      throw new CloudError('gone', `Image ${id} was deleted while it was uploaded`)
    }
    notify(context, 'image.upload', { ...image, ...facts })
  } catch (error) {
    digest.abandon()
    await store.updateImage(app.db, id, ['saving'], { status: 'queued' })
    if (error instanceof CloudError) throw error
    throw new CloudError('badRequest', 'The upload broke off before its end; nothing of it was kept.', {
      cause: error,
    })
  }
}

/** Passes bytes on while the digest thread gets them. */
function hashing(digest: Digest): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      digest.update(chunk).then(() => done(null, chunk), done)
    },
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
  if (image.status === 'deactivated' && !context.caller.roles.includes('admin')) {
    throw new CloudError(
      'forbidden',
      'The requested image has been deactivated. Image data download is forbidden.',
    )
  }
  if (image.size === null) return { image, content: undefined, range: undefined }
  const wanted = range === undefined ? undefined : readRange(range, image.size)
  return { image, content: await context.app.store.get(id, wanted), range: wanted }
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
export async function recoverUploads(app: ImageContext['app']): Promise<void> {
  await app.store.sweep()
  const saving = await store.listSaving(app.db)
  for (const id of saving) {
    await app.store.remove(id)
    await store.updateImage(app.db, id, ['saving'], { status: 'queued' })
  }
  for (const { id } of await app.store.list())
    if (!(await store.findImage(app.db, id))) await app.store.remove(id)
}
