// The bytes of an image on their way into a store: one pass through inspection, checksums and the store.
import { pipeline, Readable, Transform } from 'node:stream'
import type { ImageStore } from '#drivers/imagestore/load.ts'
import type { Digest } from '#kit/digest/digest.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { freeChunk } from '#kit/http/chunk.ts'
import { requireSafeImage } from '#kit/image-format/check.ts'
import { inspectWhole } from '#kit/image-format/inspect.ts'
import { watchedUpload } from '#kit/image-format/stream.ts'
import type { Timers } from '#kit/world/world.ts'
import type { ImageApp } from '../app.ts'
import type { Image } from '../resources/image.ts'

/** What the bytes say of themselves, as columns of the image. */
export type Content = Required<
  Pick<Image, 'size' | 'virtualSize' | 'checksum' | 'osHashAlgo' | 'osHashValue'>
>
export type Formats = { diskFormat: string; containerFormat: string }

/** Kind 'badRequest' where one of them is missing. */
export function requireFormats({ diskFormat, containerFormat }: Image): Formats {
  if (diskFormat === null || containerFormat === null)
    throw new CloudError(
      'badRequest',
      'Properties disk_format, container_format must be set prior to saving data.',
    )
  return { diskFormat, containerFormat }
}

/**
 * Nothing is left in the store where it throws: 'badRequest' where the bytes aren't what the formats say or break off,
 * 'tooLarge' above the limit or where the store is full.
 */
export async function storeContent(
  app: ImageApp,
  store: ImageStore,
  id: string,
  formats: Formats,
  source: Readable,
  limitBytes: number,
  /** Whether nobody else knows the chunks of the source. */
  ownChunks = false,
): Promise<Content> {
  const { diskFormat, containerFormat } = formats
  const { hashAlgorithm } = app.config
  const digest = app.digester.start(['md5', hashAlgorithm])
  try {
    let virtualSize = 0
    // An error anywhere in the chain, a client that goes away among them, ends all of it and reaches the store's loop.
    const checked = pipeline(source, watchedUpload(diskFormat, containerFormat), hashing(digest), () => {})
    const { sizeBytes } = await store.put(id, checked, {
      limitBytes,
      ...(ownChunks && { spent: freeChunk }),
      async check(read, size) {
        const info = await inspectWhole(read, size)
        requireSafeImage(info, diskFormat, containerFormat)
        virtualSize = info.virtualSize
      },
    })
    const digests = await digest.end()
    return {
      size: sizeBytes,
      virtualSize,
      checksum: digests.md5,
      osHashAlgo: hashAlgorithm,
      osHashValue: digests[hashAlgorithm],
    }
  } catch (error) {
    digest.abandon()
    if (error instanceof CloudError) throw error
    throw new CloudError('badRequest', 'The upload broke off before its end; nothing of it was kept.', {
      cause: error,
    })
  }
}

/** Passes bytes on while the digest thread gets them. */
function hashing(digest: Digest): Transform {
  return new Transform({
    objectMode: true,
    highWaterMark: 2,
    transform(chunk: Buffer, _encoding, done) {
      digest.update(chunk).then(() => done(null, chunk), done)
    },
  })
}

/** A client that sends less than this for so long has stopped, or means no good: others wait for its place. */
const slowestBytes = 128 * 1024
/** As long as a silent connection lives. */
const paceMs = 120_000

/**
 * A request's body, whose reader may stop early: what the client still sends is taken and dropped then, so that it gets
 * its answer. Destroying the body itself would cut the connection instead. Kind 'timeout' where next to nothing comes.
 */
export function bodyOf(request: Readable, timers: Timers): Readable {
  let came = 0
  let held = false
  const take = (chunk: Buffer) => {
    came += chunk.length
    if (body.push(chunk)) return
    held = true
    request.pause()
  }
  const watch = () => {
    // What we ourselves don't take in time is no fault of the client.
    if (came < slowestBytes && !held)
      return void body.destroy(
        new CloudError('timeout', `Fewer than ${slowestBytes} bytes came in ${paceMs / 1000} seconds.`),
      )
    came = 0
    held = request.isPaused()
    stopWatching = timers.after(paceMs, watch, { background: true })
  }
  let stopWatching = timers.after(paceMs, watch, { background: true })
  const ended = () => {
    stopWatching()
    body.push(null)
  }
  const broken = () => {
    if (!request.readableEnded) body.destroy(new Error('the client is gone'))
  }
  const failed = (error: Error) => void body.destroy(error)
  const body = new Readable({
    // Chunk by chunk, of 64 KiB each: buffered bytes would be joined to new ones.
    objectMode: true,
    highWaterMark: 8,
    read() {
      request.resume()
    },
    destroy(error, done) {
      stopWatching()
      request.off('data', take).off('end', ended).off('close', broken)
      request.resume()
      done(error)
    },
  })
  request.on('data', take).once('end', ended).once('close', broken).on('error', failed)
  return body
}
