// qcow2 headers, versions 2 and 3. Layout: docs/interop/qcow2.txt of QEMU.
import { beyond, firstReason, pieces } from './extent.ts'
import { type ImageInfo, invalid, type Parsed, type Reader, readExactly, wholeNumber } from './format.ts'

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
  if (version !== 2 && version !== 3) throw invalid('qcow2', `qcow2 version ${version} is unknown`)
  const head = await readExactly(read, 0, version === 2 ? 72 : 104, 'qcow2 header')
  const bits = head.readUInt32BE(20)
  if (bits < clusterBits.least || bits > clusterBits.most)
    throw invalid('qcow2', `its cluster size of 2^${bits} bytes is not allowed`)
  const clusterSize = 2 ** bits
  const problems: string[] = []

  const features = version === 3 ? head.readBigUInt64BE(72) : 0n
  const unknown = features & ~knownIncompatible
  if (unknown !== 0n)
    problems.push(`It uses qcow2 features that are unknown here (bits 0x${unknown.toString(16)}).`)
  const headerLength = version === 3 ? head.readUInt32BE(100) : 72
  if (headerLength > clusterSize || headerLength < 72 || headerLength % 8 !== 0) {
    throw invalid('qcow2', `its header length of ${headerLength} bytes is not allowed`)
  }
  const compression = features & incompatible.compression ? ((await read(104, 1))[0] ?? 0) : 0
  if (compression > 1) problems.push(`It uses compression type ${compression}, which is unknown here.`)

  const extensions = await readExtensions(read, headerLength, clusterSize)
  const dataFile = features & incompatible.dataFile ? (extensions.dataFile ?? '') : undefined
  const encryption = encryptionOf(head.readUInt32BE(32))
  const refcountOrder = version === 3 ? head.readUInt32BE(96) : 4
  if (refcountOrder > 6)
    throw invalid('qcow2', `its reference count width of 2^${refcountOrder} bits is not allowed`)
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
    throw invalid('qcow2', 'the name of its backing file lies outside of the header')
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
    if (offset + 8 + length > clusterSize)
      throw invalid('qcow2', 'a header extension reaches outside of the header')
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

const mostSnapshots = 65_536

/** Header, L1 table, each L2 table with what it names, the reference counts, and where the snapshots are listed. */
export async function wholeQcow2(read: Reader, info: ImageInfo): Promise<string | undefined> {
  // The guest's bytes are elsewhere, for which the image is refused anyway.
  if (info.dataFile !== undefined) return undefined
  const head = await readExactly(read, 0, 72, 'qcow2 header')
  const cluster = info.clusterSize!
  const width = info.qcow2?.extendedL2 ? 16 : 8
  const perTable = cluster / width
  const [l1Count, l1At] = [head.readUInt32BE(36), wholeNumber(head.readBigUInt64BE(40), 'L1 table')]
  const countsAt = wholeNumber(head.readBigUInt64BE(48), 'reference count table')
  const countsBytes = head.readUInt32BE(56) * cluster
  const snapshots = head.readUInt32BE(60)
  if (l1Count * perTable * cluster < info.virtualSize) return 'Its L1 table is too small for its disk.'
  if (snapshots > mostSnapshots)
    return `It says to have ${snapshots} snapshots, and ${mostSnapshots} are allowed.`
  const tables =
    beyond(info, l1At + l1Count * 8, 'its L1 table') ??
    beyond(info, countsAt + countsBytes, 'its reference count table') ??
    (snapshots === 0
      ? undefined
      : beyond(info, wholeNumber(head.readBigUInt64BE(64), 'list of snapshots') + 1, 'its list of snapshots'))
  if (tables !== undefined) return tables
  const counts = await firstReason(read, countsAt, countsBytes / 8, 8, (bytes, at) => {
    const block = placeOf(bytes, at)
    return block === 0 ? undefined : beyond(info, block + cluster, 'a block of reference counts')
  })
  if (counts !== undefined) return counts
  // A table that several entries name is read once, and none may overlap another: a small hostile image must not make
  // long work.
  const seen = new Set<number>()
  for await (const { first, bytes } of pieces(read, l1At, l1Count, 8)) {
    for (let i = 0; (i + 1) * 8 <= bytes.length; i++) {
      const table = placeOf(bytes, i * 8)
      if (table === 0 || seen.has(table)) continue
      if (table % cluster !== 0) return 'It has an L2 table that lies askew.'
      seen.add(table)
      const guestAt = (first + i) * perTable * cluster
      const cut =
        beyond(info, table + cluster, 'an L2 table') ??
        (await wholeClusters(read, info, table, width, guestAt))
      if (cut !== undefined) return cut
    }
  }
  return undefined
}

/** Bits 9 to 55 of an entry. Read as two halves, which is far quicker than one of 64 bits. */
function placeOf(bytes: Buffer, at: number): number {
  return (bytes.readUInt32BE(at) & 0xff_ffff) * 2 ** 32 + ((bytes.readUInt32BE(at + 4) & 0xffff_fe00) >>> 0)
}

const compressedBit = 0x4000_0000

/** What one L2 table names. `guestAt`: the guest's address of its first cluster. */
function wholeClusters(
  read: Reader,
  info: ImageInfo,
  tableAt: number,
  width: 8 | 16,
  guestAt: number,
): Promise<string | undefined> {
  const cluster = info.clusterSize!
  // Of a compressed cluster's descriptor so many low bits are its address, the rest its length in sectors.
  const addressBits = 62 - (Math.log2(cluster) - 8)
  const highMask = 2 ** (addressBits - 32) - 1
  return firstReason(read, tableAt, cluster / width, width, (bytes, at, index) => {
    const high = bytes.readUInt32BE(at)
    if (high & compressedBit) {
      // Its last sector may be a short one at the end of the file, so only its beginning is sure.
      const start = (high & highMask) * 2 ** 32 + bytes.readUInt32BE(at + 4)
      return beyond(info, start + 1, 'a compressed cluster')
    }
    const start = placeOf(bytes, at)
    if (start === 0) return undefined
    const left = info.virtualSize - (guestAt + index * cluster)
    return beyond(info, start + Math.max(0, Math.min(cluster, left)), 'a cluster')
  })
}
