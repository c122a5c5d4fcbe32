// Compressed images: gzip, and zip archives of one file. As a stream, so that a bomb meets its reader's limit.
import { Readable } from 'node:stream'
import { createGunzip, createInflateRaw } from 'node:zlib'
import { CloudError } from '../errors/cloud-error.ts'

export type Packed = {
  /** Bytes at an offset; fewer where the file ends. */
  read(offset: number, length: number): Promise<Buffer>
  stream(range: { start: number; end: number }): Readable
  sizeBytes: number
}

const endRecord = 0x06054b50
const endRecordBytes = 22
const longestComment = 65_535
const entryRecord = 0x02014b50
const localRecord = 0x04034b50

/** Undefined where the bytes carry no mark of a kind of compression known here. Kind 'badRequest' for a broken one. */
export async function decompressed(packed: Packed): Promise<Readable | undefined> {
  const mark = await packed.read(0, 4)
  if (mark.length >= 2 && mark.readUInt16BE(0) === 0x1f8b)
    return unpacked(packed.stream({ start: 0, end: packed.sizeBytes - 1 }), createGunzip())
  if (mark.length === 4 && mark.readUInt32LE(0) === localRecord) return unzipped(packed)
  return undefined
}

/** One file, stored or deflated. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */
async function unzipped(packed: Packed): Promise<Readable> {
  const { sizeBytes } = packed
  const tailAt = Math.max(0, sizeBytes - endRecordBytes - longestComment)
  const tail = await packed.read(tailAt, sizeBytes - tailAt)
  let at = tail.length - endRecordBytes
  while (at >= 0 && tail.readUInt32LE(at) !== endRecord) at--
  if (at < 0) throw broken('the zip archive is cut off')
  const entries = tail.readUInt16LE(at + 10)
  if (entries !== 1) throw broken(`the zip archive holds ${entries} files, and not one`)
  const entry = await packed.read(tail.readUInt32LE(at + 16), 46)
  if (entry.length < 46 || entry.readUInt32LE(0) !== entryRecord)
    throw broken('the zip archive has no list of files')
  const [flags, method, length] = [entry.readUInt16LE(8), entry.readUInt16LE(10), entry.readUInt32LE(20)]
  if (flags & 1) throw broken('the zip archive is encrypted')
  if (method !== 0 && method !== 8) throw broken(`the zip archive uses method ${method}`)
  if (length === 0xffffffff) throw broken('the zip archive is of the kind for more than 4 GiB')
  const localAt = entry.readUInt32LE(42)
  const local = await packed.read(localAt, 30)
  if (local.length < 30 || local.readUInt32LE(0) !== localRecord) throw broken('the zip archive has no file')
  const start = localAt + 30 + local.readUInt16LE(26) + local.readUInt16LE(28)
  if (start + length > sizeBytes) throw broken('the zip archive is cut off')
  if (length === 0) return Readable.from([])
  const stream = packed.stream({ start, end: start + length - 1 })
  return method === 0 ? stream : unpacked(stream, createInflateRaw())
}

/** Errors of the source and of the format both reach the reader, as words that say whose they are. */
function unpacked(source: Readable, transform: ReturnType<typeof createGunzip>): Readable {
  async function* bytes() {
    source.once('error', (error) => transform.destroy(error))
    source.pipe(transform)
    try {
      yield* transform as AsyncIterable<Buffer>
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? ''
      throw code.startsWith('Z_') ? broken('its compressed bytes are damaged or cut off', error) : error
    } finally {
      source.destroy()
      transform.destroy()
    }
  }
  return Readable.from(bytes(), { objectMode: false })
}

function broken(why: string, cause?: unknown): CloudError {
  return new CloudError('badRequest', `The image can't be decompressed: ${why}.`, {
    type: 'InvalidImage',
    cause,
  })
}
