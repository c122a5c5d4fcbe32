// Microsoft's VHDX: a table names its regions, of which the metadata say what the disk is, and the block allocation table
// where its blocks lie. Source: [MS-VHDX].
import { beyond, firstReason } from './extent.ts'
import { type ImageInfo, invalid, type Parsed, type Reader, readExactly, wholeNumber } from './format.ts'

/** Of two headers the valid one with the higher number counts. */
const headers = [64 * 1024, 128 * 1024]
const headerBytes = 4096
const regionTables = [192 * 1024, 256 * 1024]
const tableBytes = 64 * 1024
const entryBytes = 32
const mostEntries = 2047
const mebibyte = 2 ** 20

/** Ids as they stand in the file. */
const region = { metadata: '06a27c8b90479a4bb8fe575f050f886e', blocks: '6677c22d23f600429d64115e9bfd4a08' }
const item = {
  parameters: '3767a1ca36fa434db3b633f0aa44e76b',
  size: '2442a52f1bcd7648b2115dbed83bf4b8',
  sectorBytes: '1dbf41816fa90947ba47f233a8faab5f',
  physicalSectorBytes: 'c748a3cd5d4471449cc9e9885251c556',
  page83: 'ab12cabee6b2234593efc309e000c746',
  parent: '2d5fd3a80bb34d45abf7d3d84834ab0c',
}
const isRequired = 4

/** Of an entry of the block allocation table: what is there, and where, in MiB. */
const stateMask = 7
const placeShift = 20
const present = 6
const partlyPresent = 7

type Layout = {
  virtualSize: number
  blockBytes: number
  sectorBytes: number
  hasParent: boolean
  /** The block allocation table. */
  tableAt: number
  tableBytes: number
  problems: string[]
}

export async function parseVhdx(read: Reader): Promise<Parsed> {
  const { virtualSize, blockBytes, hasParent, problems } = await readLayout(read)
  return {
    virtualSize,
    clusterSize: blockBytes,
    variant: hasParent ? 'differencing' : 'dynamic',
    problems,
  }
}

async function readLayout(read: Reader): Promise<Layout> {
  const settled = await isSettled(read)
  const regions = await readRegions(read)
  const metadataAt = regions.get(region.metadata)?.at
  const table = regions.get(region.blocks)
  if (metadataAt === undefined || table === undefined)
    throw invalid('VHDX', 'its metadata or its table of blocks are missing')
  const items = await readItems(read, metadataAt)
  const value = async (id: string, length: number) => {
    const at = items.get(id)?.at
    if (at === undefined) throw invalid('VHDX', 'its size, its sector size or its parameters are missing')
    return readExactly(read, metadataAt + at, length, 'VHDX metadata')
  }
  const parameters = await value(item.parameters, 8)
  const blockBytes = parameters.readUInt32LE(0)
  const sectorBytes = (await value(item.sectorBytes, 4)).readUInt32LE(0)
  if (blockBytes < mebibyte || blockBytes > 256 * mebibyte || blockBytes % mebibyte !== 0)
    throw invalid('VHDX', `its block size of ${blockBytes} bytes is not allowed`)
  if (sectorBytes !== 512 && sectorBytes !== 4096)
    throw invalid('VHDX', `its sector size of ${sectorBytes} bytes is not allowed`)
  // A tool may go by the one or by the other.
  const hasParent = (parameters.readUInt32LE(4) & 2) !== 0 || items.has(item.parent)
  const known: string[] = [...Object.values(region), ...Object.values(item)]
  const foreign = [...regions, ...items].some(([id, { required }]) => required && !known.includes(id))
  return {
    virtualSize: wholeNumber((await value(item.size, 8)).readBigUInt64LE(0), 'virtual size'),
    blockBytes,
    sectorBytes,
    hasParent,
    tableAt: table.at,
    tableBytes: table.length,
    problems: [
      ...(settled
        ? []
        : ['Its log holds changes that are still to be made, so that nobody can tell what it is.']),
      ...(hasParent ? ['This VHDX needs another file, its parent.'] : []),
      ...(foreign ? ['It needs VHDX features that are unknown here.'] : []),
    ],
  }
}

/** A log that has an id is to be replayed, which may change whatever else is said here. */
async function isSettled(read: Reader): Promise<boolean> {
  let current: Buffer | undefined
  for (const at of headers) {
    const header = await read(at, headerBytes)
    if (header.length < headerBytes || header.toString('latin1', 0, 4) !== 'head') continue
    if (header.readUInt32LE(4) !== headerChecksum(header)) continue
    if (!current || header.readBigUInt64LE(8) > current.readBigUInt64LE(8)) current = header
  }
  if (!current) throw invalid('VHDX', 'both of its headers are damaged')
  return current.subarray(48, 64).every((byte) => byte === 0)
}

/** CRC-32C of all but itself. */
export function headerChecksum(header: Buffer): number {
  let sum = 0xffff_ffff
  for (const [at, byte] of header.entries()) {
    sum ^= at >= 4 && at < 8 ? 0 : byte
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0x82f6_3b78 : sum >>> 1
  }
  return ~sum >>> 0
}

async function readRegions(read: Reader) {
  for (const start of regionTables) {
    const table = await read(start, tableBytes)
    if (table.length < 16 || table.toString('latin1', 0, 4) !== 'regi') continue
    const found = new Map<string, { at: number; length: number; required: boolean }>()
    const count = Math.min(table.readUInt32LE(8), mostEntries, Math.floor((table.length - 16) / entryBytes))
    for (let i = 0; i < count; i++) {
      const at = 16 + i * entryBytes
      found.set(table.toString('hex', at, at + 16), {
        at: wholeNumber(table.readBigUInt64LE(at + 16), 'region offset'),
        length: table.readUInt32LE(at + 24),
        required: (table.readUInt32LE(at + 28) & 1) !== 0,
      })
    }
    return found
  }
  throw invalid('VHDX', 'its region table is missing')
}

/** `at` counts from the beginning of the metadata. */
async function readItems(read: Reader, metadataAt: number) {
  const table = await readExactly(read, metadataAt, tableBytes, 'VHDX metadata')
  if (table.toString('latin1', 0, 8) !== 'metadata') throw invalid('VHDX', 'its metadata table is missing')
  const found = new Map<string, { at: number; required: boolean }>()
  for (let i = 0; i < Math.min(table.readUInt16LE(10), mostEntries); i++) {
    const at = 32 + i * entryBytes
    found.set(table.toString('hex', at, at + 16), {
      at: table.readUInt32LE(at + 16),
      required: (table.readUInt32LE(at + 24) & isRequired) !== 0,
    })
  }
  return found
}

/** The block allocation table, and each block and bitmap that it says to be there. */
export async function wholeVhdx(read: Reader, info: ImageInfo): Promise<string | undefined> {
  const { virtualSize, blockBytes, sectorBytes, ...table } = await readLayout(read)
  // After so many blocks comes an entry for the bitmap of their sectors.
  const perBitmap = (2 ** 23 * sectorBytes) / blockBytes
  const blocks = Math.ceil(virtualSize / blockBytes)
  const count = blocks + Math.floor(Math.max(0, blocks - 1) / perBitmap)
  if (count * 8 > table.tableBytes) return 'Its table has fewer blocks than its disk.'
  const cutTable = beyond(info, table.tableAt + count * 8, 'its table of blocks')
  if (cutTable !== undefined) return cutTable
  return firstReason(read, table.tableAt, count, 8, (bytes, at, index) => {
    const low = bytes.readUInt32LE(at)
    const state = low & stateMask
    if (state === partlyPresent) return 'It has a block of which a part lies in another file, its parent.'
    if (state !== present) return undefined
    const place = bytes.readUInt32LE(at + 4) * 2 ** 12 + (low >>> placeShift)
    const length = (index + 1) % (perBitmap + 1) === 0 ? mebibyte : blockBytes
    return beyond(info, place * mebibyte + length, 'a block')
  })
}
