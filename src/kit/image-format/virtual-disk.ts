// The smaller formats: VirtualBox's VDI, Microsoft's VHD and VHDX, ISO 9660, partition tables.
// Sources: VirtualBox's VDICore.h, Virtual Hard Disk Image Format 1.0, [MS-VHDX], ECMA-119, UEFI 2.10 section 5.
import { CloudError } from '../errors/cloud-error.ts'
import { type ImageInfo, type Parsed, type Reader, readExactly, wholeNumber } from './format.ts'

const vdiKinds: Record<number, string> = { 1: 'dynamic', 2: 'fixed', 3: 'undo', 4: 'differencing' }

export async function parseVdi(read: Reader): Promise<Parsed> {
  const head = await readExactly(read, 0, 0x1c8, 'VDI header')
  const variant = vdiKinds[head.readUInt32LE(0x4c)] ?? 'unknown'
  const parent = head.subarray(0x1a8, 0x1b8).some((byte) => byte !== 0)
  const own = variant === 'dynamic' || variant === 'fixed'
  return {
    virtualSize: wholeNumber(head.readBigUInt64LE(0x170), 'virtual size'),
    clusterSize: head.readUInt32LE(0x178),
    variant,
    problems: own && !parent ? [] : [`VDI of type '${variant}' needs another file, its parent.`],
  }
}

export const vhdFooterBytes = 512
const vhdKinds: Record<number, string> = { 2: 'fixed', 3: 'dynamic', 4: 'differencing' }

/** The footer's checksum is the one's complement of the sum of its bytes, its own four left out. */
export function isVhdFooter(footer: Buffer): boolean {
  if (footer.length < vhdFooterBytes || footer.toString('latin1', 0, 8) !== 'conectix') return false
  let sum = 0
  for (let i = 0; i < vhdFooterBytes; i++) if (i < 64 || i > 67) sum += footer[i]!
  return ~sum >>> 0 === footer.readUInt32BE(64)
}

export function parseVhd(footer: Buffer): Parsed {
  const variant = vhdKinds[footer.readUInt32BE(60)] ?? 'unknown'
  const own = variant === 'fixed' || variant === 'dynamic'
  return {
    virtualSize: wholeNumber(footer.readBigUInt64BE(48), 'virtual size'),
    variant,
    problems: own ? [] : [`VHD of type '${variant}' needs another file, its parent.`],
  }
}

const regionTables = [192 * 1024, 256 * 1024]
const guid = {
  metadata: '06a27c8b90479a4bb8fe575f050f886e',
  parameters: '3767a1ca36fa434db3b633f0aa44e76b',
  size: '2442a52f1bcd7648b2115dbed83bf4b8',
}

export async function parseVhdx(read: Reader): Promise<Parsed> {
  const metadata = await findRegion(read)
  const table = await readExactly(read, metadata, 64 * 1024, 'VHDX metadata')
  if (table.toString('latin1', 0, 8) !== 'metadata') throw bad('VHDX', 'its metadata table is missing')
  const items = new Map<string, number>()
  for (let i = 0; i < Math.min(table.readUInt16LE(10), 2047); i++) {
    const at = 32 + i * 32
    items.set(table.toString('hex', at, at + 16), table.readUInt32LE(at + 16))
  }
  const sizeAt = items.get(guid.size)
  const parametersAt = items.get(guid.parameters)
  if (sizeAt === undefined || parametersAt === undefined)
    throw bad('VHDX', 'its size or its parameters are missing')
  const size = await readExactly(read, metadata + sizeAt, 8, 'VHDX metadata')
  const parameters = await readExactly(read, metadata + parametersAt, 8, 'VHDX metadata')
  const hasParent = (parameters.readUInt32LE(4) & 2) !== 0
  return {
    virtualSize: wholeNumber(size.readBigUInt64LE(0), 'virtual size'),
    clusterSize: parameters.readUInt32LE(0),
    variant: hasParent ? 'differencing' : 'dynamic',
    problems: hasParent ? ['This VHDX needs another file, its parent.'] : [],
  }
}

async function findRegion(read: Reader): Promise<number> {
  for (const start of regionTables) {
    const table = await read(start, 64 * 1024)
    if (table.length < 16 || table.toString('latin1', 0, 4) !== 'regi') continue
    const count = Math.min(table.readUInt32LE(8), 2047, Math.floor((table.length - 16) / 32))
    for (let i = 0; i < count; i++) {
      const at = 16 + i * 32
      if (table.toString('hex', at, at + 16) === guid.metadata) {
        return wholeNumber(table.readBigUInt64LE(at + 16), 'metadata offset')
      }
    }
  }
  throw bad('VHDX', 'its region table is missing')
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
  const entries = [446, 462, 478, 494].map((at) => sector.subarray(at, at + 16))
  const sane = entries.every((entry) => entry[0] === 0 || entry[0] === 0x80)
  const used = entries.some((entry) => entry[4] !== 0 && entry.readUInt32LE(12) > 0)
  return sane && used ? 'mbr' : undefined
}

function bad(format: string, why: string): CloudError {
  return new CloudError('badRequest', `The image is not a valid ${format}: ${why}.`, { type: 'InvalidImage' })
}
