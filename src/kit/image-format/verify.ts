// Bytes on their way from one place to another, held to the size and the hash that were promised.
import { createHash } from 'node:crypto'
import { Transform } from 'node:stream'
import { CloudError } from '../errors/cloud-error.ts'

export type Promised = { id: string; sizeBytes: number; hashAlgorithm?: string; hashValue?: string }

/** Passes bytes on; fails on one byte too many at once, on too few or another hash at the end. Holds no memory. */
export function verifiedStream(image: Promised): Transform {
  const hash = image.hashAlgorithm && image.hashValue ? createHash(image.hashAlgorithm) : undefined
  let bytes = 0
  const wrong = (how: string) =>
    new CloudError('badGateway', `Image ${image.id} arrived ${how}.`, { type: 'CorruptImage' })
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      if (bytes > image.sizeBytes) return done(wrong(`with more than its ${image.sizeBytes} bytes`))
      hash?.update(chunk)
      done(null, chunk)
    },
    flush(done) {
      if (bytes < image.sizeBytes) return done(wrong(`with ${bytes} of its ${image.sizeBytes} bytes`))
      if (hash && hash.digest('hex') !== image.hashValue)
        return done(wrong(`with another ${image.hashAlgorithm} than promised`))
      done()
    },
  })
}
