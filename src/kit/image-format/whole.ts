// Is a disk image all there? Its tables name places in its file; where one lies past the end, the image was cut off, and
// a guest would read zeros or errors where its data was. Only for files that are complete: a stream's head never is.
// Layouts: the sources of qcow2.ts, vmdk.ts and virtual-disk.ts.
import { type ImageInfo, type Reader, wholeNumber } from './format.ts'
import { isVhdFooter, vhdFooterBytes } from './virtual-disk.ts'

type Check = (read: Reader, info: ImageInfo) => Promise<string | undefined>

const checks: Partial<Record<ImageInfo['format'], Check>> = {
  qcow2: wholeQcow2,
  vmdk: wholeVmdk,
  vdi: wholeVdi,
  vhd: wholeVhd,
  iso: async (_read, info) => beyond(info, info.virtualSize, 'its volume'),
}

/** A sentence of what is missing; undefined where nothing is, and for formats whose bytes don't tell. */
export async function missingPart(read: Reader, info: ImageInfo): Promise<string | undefined> {
  return checks[info.format]?.(read, info)
}

function beyond({ fileSize }: ImageInfo, end: number, what: string): string | undefined {
  return end > fileSize
    ? `It is cut off: ${what} ends at byte ${end}, and the file has ${fileSize}.`
    : undefined
}

/** Numbers are read in pieces of this size, so that no table, however large, is in memory whole. */
const pieceBytes = 64 * 1024

/** The entries of a table that lies in the file whole; the event loop gets its turn between the pieces. */
async function* entries(
  read: Reader,
  offset: number,
  count: number,
  width: 4 | 8,
): AsyncGenerator<{ index: number; bytes: Buffer; at: number }> {
  const perPiece = pieceBytes / width
  for (let first = 0; first < count; first += perPiece) {
    const wanted = Math.min(perPiece, count - first)
    const bytes = await read(offset + first * width, wanted * width)
    for (let i = 0; (i + 1) * width <= bytes.length; i++) yield { index: first + i, bytes, at: i * width }
  }
}

const offsetMask = 0x00ff_ffff_ffff_fe00n
const compressedBit = 1n << 62n

/** Header, L1 table, each L2 table with what it names, and the reference counts. */
async function wholeQcow2(read: Reader, info: ImageInfo): Promise<string | undefined> {
  // The guest's bytes are elsewhere, for which the image is refused anyway.
  if (info.dataFile !== undefined) return undefined
  const head = await read(0, 72)
  const cluster = info.clusterSize!
  const [l1Count, l1At] = [head.readUInt32BE(36), wholeNumber(head.readBigUInt64BE(40), 'L1 table')]
  const countsAt = wholeNumber(head.readBigUInt64BE(48), 'reference count table')
  const countsBytes = head.readUInt32BE(56) * cluster
  const tables =
    beyond(info, l1At + l1Count * 8, 'its L1 table') ??
    beyond(info, countsAt + countsBytes, 'its reference count table')
  if (tables !== undefined) return tables
  for await (const { bytes, at } of entries(read, countsAt, countsBytes / 8, 8)) {
    const block = bytes.readBigUInt64BE(at) & offsetMask
    const cut = block && beyond(info, Number(block) + cluster, 'a block of reference counts')
    if (cut) return cut
  }
  const width = info.qcow2?.extendedL2 ? 16 : 8
  const perTable = cluster / width
  // Two entries that name one table are read once: a small hostile image must not make long work.
  const seen = new Set<bigint>()
  for await (const { index, bytes, at } of entries(read, l1At, l1Count, 8)) {
    const table = bytes.readBigUInt64BE(at) & offsetMask
    if (table === 0n || seen.has(table)) continue
    seen.add(table)
    const cut =
      beyond(info, Number(table) + cluster, 'an L2 table') ??
      (await wholeClusters(read, info, Number(table), width, index * perTable * cluster))
    if (cut !== undefined) return cut
  }
  return undefined
}

/** What one L2 table names. `guestAt`: the guest's address of its first cluster. */
async function wholeClusters(
  read: Reader,
  info: ImageInfo,
  tableAt: number,
  width: number,
  guestAt: number,
): Promise<string | undefined> {
  const cluster = info.clusterSize!
  // Of a compressed cluster's descriptor so many low bits are its address, the rest its length in sectors.
  const addressBits = BigInt(62 - (Math.log2(cluster) - 8))
  const table = await read(tableAt, cluster)
  for (let at = 0; at + width <= table.length; at += width) {
    const entry = table.readBigUInt64BE(at)
    if (entry === 0n) continue
    if (entry & compressedBit) {
      // Its last sector may be a short one at the end of the file, so only its beginning is sure.
      const start = Number(entry & ((1n << addressBits) - 1n))
      if (start >= info.fileSize) return beyond(info, start + 1, 'a compressed cluster')
      continue
    }
    const start = entry & offsetMask
    if (start === 0n) continue
    const left = info.virtualSize - (guestAt + (at / width) * cluster)
    const cut = beyond(info, Number(start) + Math.max(0, Math.min(cluster, left)), 'a cluster')
    if (cut !== undefined) return cut
  }
  return undefined
}

const sector = 512
const atTheEnd = 0xffff_ffff_ffff_ffffn
const vmdkCompressed = 1 << 16

/** The grain directory, its tables, and their grains; where the header says so they are named by a footer. */
async function wholeVmdk(read: Reader, info: ImageInfo): Promise<string | undefined> {
  // Bare descriptors and foreign extents are refused as such.
  if ((await read(0, 4)).toString('latin1') !== 'KDMV') return undefined
  let head = await read(0, 79)
  if (head.readBigUInt64LE(56) === atTheEnd) {
    head = await read(Math.max(0, info.fileSize - 2 * sector), 79)
    if (head.length < 79 || head.toString('latin1', 0, 4) !== 'KDMV')
      return 'It is cut off: the footer at its end is missing.'
  }
  const perTable = head.readUInt32LE(44)
  const grain = info.clusterSize!
  if (perTable === 0 || perTable > 512 || grain === 0) return 'Its grain tables have an impossible size.'
  const directoryAt = wholeNumber(head.readBigUInt64LE(56), 'grain directory') * sector
  const count = Math.ceil(info.virtualSize / (grain * perTable))
  const compressed = (head.readUInt32LE(8) & vmdkCompressed) !== 0
  const cutDirectory = beyond(info, directoryAt + count * 4, 'its grain directory')
  if (cutDirectory !== undefined) return cutDirectory
  const seen = new Set<number>()
  for await (const { index, bytes, at } of entries(read, directoryAt, count, 4)) {
    const tableAt = bytes.readUInt32LE(at) * sector
    if (tableAt === 0 || seen.has(tableAt)) continue
    seen.add(tableAt)
    const cutTable = beyond(info, tableAt + perTable * 4, 'a grain table')
    if (cutTable !== undefined) return cutTable
    const table = await read(tableAt, perTable * 4)
    for (let i = 0; i < perTable; i++) {
      const start = table.readUInt32LE(i * 4) * sector
      // 0 is nothing, and sector 1 stands for zeros.
      if (start <= sector) continue
      const left = info.virtualSize - (index * perTable + i) * grain
      const length = compressed ? await compressedGrain(read, start) : Math.max(0, Math.min(grain, left))
      const cut = beyond(info, start + length, 'a grain')
      if (cut !== undefined) return cut
    }
  }
  return undefined
}

/** A marker of 12 bytes tells how many follow. */
async function compressedGrain(read: Reader, start: number): Promise<number> {
  const marker = await read(start, 12)
  return marker.length < 12 ? 12 : 12 + marker.readUInt32LE(8)
}

/** The map of blocks; the highest two numbers stand for 'nothing' and 'zeros'. */
async function wholeVdi(read: Reader, info: ImageInfo): Promise<string | undefined> {
  const head = await read(0, 0x188)
  const [mapAt, blocksAt, count] = [
    head.readUInt32LE(0x154),
    head.readUInt32LE(0x158),
    head.readUInt32LE(0x180),
  ]
  const cutMap = beyond(info, mapAt + count * 4, 'its map of blocks')
  if (cutMap !== undefined) return cutMap
  for await (const { bytes, at } of entries(read, mapAt, count, 4)) {
    const block = bytes.readUInt32LE(at)
    if (block >= 0xffff_fffe) continue
    const cut = beyond(info, blocksAt + (block + 1) * info.clusterSize!, 'a block')
    if (cut !== undefined) return cut
  }
  return undefined
}

async function wholeVhd(read: Reader, { fileSize }: ImageInfo): Promise<string | undefined> {
  const last = await read(Math.max(0, fileSize - vhdFooterBytes), vhdFooterBytes)
  return isVhdFooter(last) ? undefined : 'It is cut off: the footer at its end is missing.'
}
