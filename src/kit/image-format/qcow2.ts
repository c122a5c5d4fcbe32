// qcow2 headers, versions 2 and 3. Layout: docs/interop/qcow2.txt of QEMU.
import { CloudError } from '../errors/cloud-error.ts'
import { type Parsed, type Reader, readExactly, wholeNumber } from './format.ts'

const extensionEnd = 0
const extensionBackingFormat = 0xe2792aca
const extensionDataFile = 0x44415441

/** Bits of the incompatible features; a reader must refuse an image with any that it doesn't know. */
const incompatible = { dirty: 1n, corrupt: 2n, dataFile: 4n, compression: 8n, extendedL2: 16n }
const knownIncompatible = Object.values(incompatible).reduce((sum, bit) => sum | bit, 0n)

/** The specification allows 512 bytes to 2 MiB. */
const clusterBits = { least: 9, most: 21 }
const longestBackingName = 1023

export async function parseQcow2(read: Reader): Promise<Parsed> {
  const version = (await readExactly(read, 4, 4, 'qcow2 header')).readUInt32BE(0)
  if (version !== 2 && version !== 3) throw bad(`qcow2 version ${version} is unknown`)
  const head = await readExactly(read, 0, version === 2 ? 72 : 104, 'qcow2 header')
  const bits = head.readUInt32BE(20)
  if (bits < clusterBits.least || bits > clusterBits.most)
    throw bad(`its cluster size of 2^${bits} bytes is not allowed`)
  const clusterSize = 2 ** bits
  const problems: string[] = []

  const features = version === 3 ? head.readBigUInt64BE(72) : 0n
  const unknown = features & ~knownIncompatible
  if (unknown !== 0n)
    problems.push(`It uses qcow2 features that are unknown here (bits 0x${unknown.toString(16)}).`)
  const headerLength = version === 3 ? head.readUInt32BE(100) : 72
  if (headerLength > clusterSize || headerLength < 72 || headerLength % 8 !== 0) {
    throw bad(`its header length of ${headerLength} bytes is not allowed`)
  }
  const compression = features & incompatible.compression ? ((await read(104, 1))[0] ?? 0) : 0
  if (compression > 1) problems.push(`It uses compression type ${compression}, which is unknown here.`)

  const extensions = await readExtensions(read, headerLength, clusterSize)
  const dataFile = features & incompatible.dataFile ? (extensions.dataFile ?? '') : undefined
  const encryption = encryptionOf(head.readUInt32BE(32))
  const refcountOrder = version === 3 ? head.readUInt32BE(96) : 4
  if (refcountOrder > 6) throw bad(`its reference count width of 2^${refcountOrder} bits is not allowed`)
  return {
    virtualSize: wholeNumber(head.readBigUInt64BE(24), 'virtual size'),
    clusterSize,
    ...(await backingOf(read, head, clusterSize)),
    ...(extensions.backingFormat === undefined ? {} : { backingFormat: extensions.backingFormat }),
    ...(dataFile === undefined ? {} : { dataFile }),
    ...(encryption === undefined ? {} : { encryption }),
    qcow2: {
      compat: version === 3 ? '1.1' : '0.10',
      lazyRefcounts: version === 3 && (head.readBigUInt64BE(80) & 1n) === 1n,
      refcountBits: 2 ** refcountOrder,
      corrupt: (features & incompatible.corrupt) !== 0n,
      dirty: (features & incompatible.dirty) !== 0n,
      extendedL2: (features & incompatible.extendedL2) !== 0n,
      compression: compression === 1 ? 'zstd' : 'zlib',
      snapshots: head.readUInt32BE(60),
    },
    problems,
  }
}

async function backingOf(read: Reader, head: Buffer, clusterSize: number): Promise<{ backingFile?: string }> {
  const offset = wholeNumber(head.readBigUInt64BE(8), 'backing file offset')
  if (offset === 0) return {}
  const length = head.readUInt32BE(16)
  if (length > longestBackingName || offset + length > clusterSize)
    throw bad('the name of its backing file lies outside of the header')
  return { backingFile: (await readExactly(read, offset, length, 'backing file name')).toString('utf8') }
}

async function readExtensions(read: Reader, start: number, clusterSize: number) {
  const found: { backingFormat?: string; dataFile?: string } = {}
  let offset = start
  while (offset + 8 <= clusterSize) {
    const head = await read(offset, 8)
    if (head.length < 8) break
    const type = head.readUInt32BE(0)
    const length = head.readUInt32BE(4)
    if (type === extensionEnd) break
    if (offset + 8 + length > clusterSize) throw bad('a header extension reaches outside of the header')
    const text = async () =>
      (await readExactly(read, offset + 8, length, 'header extension')).toString('utf8')
    if (type === extensionBackingFormat) found.backingFormat = await text()
    if (type === extensionDataFile) found.dataFile = await text()
    offset += 8 + Math.ceil(length / 8) * 8
  }
  return found
}

function encryptionOf(method: number): Parsed['encryption'] {
  if (method === 0) return undefined
  return method === 1 ? 'aes' : method === 2 ? 'luks' : 'unknown'
}

function bad(why: string): CloudError {
  return new CloudError('badRequest', `The image is not a valid qcow2: ${why}.`, { type: 'InvalidImage' })
}
