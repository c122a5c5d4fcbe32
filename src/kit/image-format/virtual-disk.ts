// VirtualBox's VDI, ISO 9660, and partition tables.
// Sources: VirtualBox's VDICore.h, ECMA-119, UEFI 2.10 section 5.
import { beyond, firstReason } from './extent.ts'
import { type ImageInfo, invalid, type Parsed, type Reader, readExactly, wholeNumber } from './format.ts'

const vdiKinds: Record<number, string> = { 1: 'dynamic', 2: 'fixed', 3: 'undo', 4: 'differencing' }

export async function parseVdi(read: Reader): Promise<Parsed> {
  const head = await readExactly(read, 0, 0x1c8, 'VDI header')
  const variant = vdiKinds[head.readUInt32LE(0x4c)] ?? 'unknown'
  const parent = head.subarray(0x1a8, 0x1b8).some((byte) => byte !== 0)
  const own = variant === 'dynamic' || variant === 'fixed'
  const clusterSize = head.readUInt32LE(0x178)
  if (clusterSize === 0) throw invalid('VDI', 'its blocks have no size')
  return {
    virtualSize: wholeNumber(head.readBigUInt64LE(0x170), 'virtual size'),
    clusterSize,
    variant,
    problems: own && !parent ? [] : [`VDI of type '${variant}' needs another file, its parent.`],
  }
}

/** The map of blocks; the highest two numbers stand for 'nothing' and 'zeros'. */
export async function wholeVdi(read: Reader, info: ImageInfo): Promise<string | undefined> {
  const head = await readExactly(read, 0, 0x188, 'VDI header')
  const [mapAt, blocksAt, count] = [
    head.readUInt32LE(0x154),
    head.readUInt32LE(0x158),
    head.readUInt32LE(0x180),
  ]
  if (count * info.clusterSize! < info.virtualSize) return 'Its map has fewer blocks than its disk.'
  const cutMap = beyond(info, mapAt + count * 4, 'its map of blocks')
  if (cutMap !== undefined) return cutMap
  return firstReason(read, mapAt, count, 4, (bytes, at) => {
    const block = bytes.readUInt32LE(at)
    if (block >= 0xffff_fffe) return undefined
    return beyond(info, blocksAt + (block + 1) * info.clusterSize!, 'a block')
  })
}

const isoSector = 2048
export const isoDescriptorAt = 16 * isoSector

export async function parseIso(read: Reader): Promise<Parsed> {
  const descriptor = await readExactly(read, isoDescriptorAt, isoSector, 'ISO 9660 volume descriptor')
  return { virtualSize: descriptor.readUInt32LE(80) * (descriptor.readUInt16LE(128) || isoSector) }
}

/** GPT's mark lies in the second sector, of 512 or of 4096 bytes. */
export async function partitionTable(read: Reader): Promise<ImageInfo['partitions']> {
  for (const at of [512, 4096]) if ((await read(at, 8)).toString('latin1') === 'EFI PART') return 'gpt'
  const sector = await read(0, 512)
  if (sector.length < 512 || sector.readUInt16LE(510) !== 0xaa55) return undefined
  const partitions = [446, 462, 478, 494].map((at) => sector.subarray(at, at + 16))
  const sane = partitions.every((entry) => entry[0] === 0 || entry[0] === 0x80)
  const used = partitions.some((entry) => entry[4] !== 0 && entry.readUInt32LE(12) > 0)
  return sane && used ? 'mbr' : undefined
}
