// Looks at an upload while it passes: the beginning is kept and judged as soon as there is enough of it,
// so that a wrong image is refused after its first blocks instead of after its last.
import { Transform } from 'node:stream'
import { asError, CloudError } from '../errors/cloud-error.ts'
import { requireSafeImage } from './check.ts'
import { bufferReader, formatBytes, inspectImage } from './inspect.ts'

/** Formats whose first blocks hold all that the verdict needs; the others are judged once the file is whole. */
const judgedByHead = ['raw', 'qcow2', 'vmdk', 'vdi', 'iso', 'aki', 'ari', 'ami']

/** Enough for every header, a VMDK descriptor and a qcow2 header cluster (2 MiB at most) in practice. */
const headBytes = Math.max(formatBytes, 128 * 1024)

/**
 * Passes an image on; fails early where its first bytes show that it isn't what is claimed or isn't safe.
 * The whole file must still be inspected at its end: a footer can change the verdict.
 */
export function watchedUpload(claimed: string, container?: string): Transform {
  let head: Buffer[] = []
  let size = 0
  let judged = !judgedByHead.includes(claimed)

  async function judge(): Promise<void> {
    judged = true
    const bytes = Buffer.concat(head)
    head = []
    const info = await inspectImage(bufferReader(bytes), bytes.length)
    requireSafeImage(info, claimed, container)
  }

  return new Transform({
    // Chunk by chunk: buffered bytes would be joined to new ones.
    objectMode: true,
    highWaterMark: 2,
    transform(chunk: Buffer, _encoding, done) {
      if (judged) return done(null, chunk)
      // Copied: who takes the chunk may be done with it before there is enough.
      head.push(Buffer.from(chunk))
      size += chunk.length
      if (size < headBytes) return done(null, chunk)
      judge().then(
        () => done(null, chunk),
        (error) => done(refusal(error)),
      )
    },
    flush(done) {
      if (judged) return done()
      judge().then(
        () => done(),
        (error) => done(refusal(error)),
      )
    },
  })
}

function refusal(thrown: unknown): CloudError {
  return thrown instanceof CloudError
    ? thrown
    : new CloudError('internal', 'The image could not be inspected.', { cause: asError(thrown) })
}
