// Bytes on their way from one place to another, held to the size and the hash that were promised.
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { CloudError } from '../errors/cloud-error.ts'

export type Promised = { id: string; sizeBytes: number; hashAlgorithm?: string; hashValue?: string }

/**
 * The source's bytes in order; throws 'badGateway' on one byte too many at once, on too few or another hash at the
 * end. Holds no memory. The source is destroyed whichever way it ends.
 */
export async function* verifiedBytes(image: Promised, source: Readable): AsyncGenerator<Buffer> {
  const hash = image.hashAlgorithm && image.hashValue ? createHash(image.hashAlgorithm) : undefined
  const wrong = (how: string) =>
    new CloudError('badGateway', `Image ${image.id} arrived ${how}.`, { type: 'CorruptImage' })
  let bytes = 0
  // A source may fail once more while it is destroyed; by then its failure concerns nobody.
  source.on('error', () => {})
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > image.sizeBytes) throw wrong(`with more than its ${image.sizeBytes} bytes`)
      hash?.update(chunk)
      yield chunk
    }
  } finally {
    source.destroy()
  }
  if (bytes < image.sizeBytes) throw wrong(`with ${bytes} of its ${image.sizeBytes} bytes`)
  if (hash && hash.digest('hex') !== image.hashValue) {
    throw wrong(`with another ${image.hashAlgorithm} than promised`)
  }
}
