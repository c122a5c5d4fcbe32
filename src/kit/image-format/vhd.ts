// Microsoft's VHD: a footer at the end, of all but fixed disks with a copy at the beginning, and a table of blocks.
// Source: Virtual Hard Disk Image Format Specification 1.0.
import { beyond, firstReason } from './extent.ts'
import { type ImageInfo, invalid, type Parsed, type Reader, readExactly, wholeNumber } from './format.ts'

export const vhdFooterBytes = 512
const headerBytes = 1024
const sectorBytes = 512
const kinds: Record<number, string> = { 2: 'fixed', 3: 'dynamic', 4: 'differencing' }
const unusedBlock = 0xffff_ffff

/** The footer's checksum is the one's complement of the sum of its bytes, its own four left out. */
export function isVhdFooter(footer: Buffer): boolean {
  if (footer.length < vhdFooterBytes || footer.toString('latin1', 0, 8) !== 'conectix') return false
  let sum = 0
  for (let i = 0; i < vhdFooterBytes; i++) if (i < 64 || i > 67) sum += footer[i]!
  return ~sum >>> 0 === footer.readUInt32BE(64)
}

export async function parseVhd(read: Reader, fileSize: number): Promise<Parsed> {
  const first = await read(0, vhdFooterBytes)
  const footer = isVhdFooter(first)
    ? first
    : await readExactly(read, fileSize - vhdFooterBytes, vhdFooterBytes, 'VHD footer')
  const variant = kinds[footer.readUInt32BE(60)] ?? 'unknown'
  const own = variant === 'fixed' || variant === 'dynamic'
  return {
    virtualSize: wholeNumber(footer.readBigUInt64BE(48), 'virtual size'),
    variant,
    problems: own ? [] : [`VHD of type '${variant}' needs another file, its parent.`],
  }
}

/** The footer, what a fixed disk promises, and each block of a dynamic one. */
export async function wholeVhd(read: Reader, info: ImageInfo): Promise<string | undefined> {
  const last = await read(Math.max(0, info.fileSize - vhdFooterBytes), vhdFooterBytes)
  if (!isVhdFooter(last)) return 'It is cut off: the footer at its end is missing.'
  const first = await read(0, vhdFooterBytes)
  // Some tools believe the one, and some the other.
  if (isVhdFooter(first) && !first.subarray(48, 64).equals(last.subarray(48, 64)))
    return 'Its two footers tell of different disks.'
  if (info.variant === 'fixed') return beyond(info, info.virtualSize + vhdFooterBytes, 'its disk')
  if (info.variant !== 'dynamic') return undefined
  return wholeBlocks(read, info, wholeNumber(last.readBigUInt64BE(16), 'header offset'))
}

async function wholeBlocks(read: Reader, info: ImageInfo, headerAt: number): Promise<string | undefined> {
  const cutHeader = beyond(info, headerAt + headerBytes, 'its header')
  if (cutHeader !== undefined) return cutHeader
  const header = await readExactly(read, headerAt, headerBytes, 'VHD header')
  if (header.toString('latin1', 0, 8) !== 'cxsparse') throw invalid('VHD', 'its header is missing')
  const tableAt = wholeNumber(header.readBigUInt64BE(16), 'table offset')
  const [count, blockBytes] = [header.readUInt32BE(28), header.readUInt32BE(32)]
  if (blockBytes === 0 || blockBytes % sectorBytes !== 0)
    throw invalid('VHD', `its block size of ${blockBytes} bytes is not allowed`)
  if (count * blockBytes < info.virtualSize) return 'Its table has fewer blocks than its disk.'
  if (namesParent(header)) return 'It says to be complete, and names another file as its parent.'
  const cutTable = beyond(info, tableAt + count * 4, 'its table of blocks')
  if (cutTable !== undefined) return cutTable
  // Each block begins with a bit for each of its sectors.
  const bitmapBytes = Math.ceil(blockBytes / sectorBytes / 8 / sectorBytes) * sectorBytes
  return firstReason(read, tableAt, count, 4, (bytes, at) => {
    const sector = bytes.readUInt32BE(at)
    if (sector === unusedBlock) return undefined
    return beyond(info, sector * sectorBytes + bitmapBytes + blockBytes, 'a block')
  })
}

/** Its parent's id, its parent's name, or where it lies. */
function namesParent(header: Buffer): boolean {
  const parts = [header.subarray(40, 56), header.subarray(64, 576), header.subarray(576, 768)]
  return parts.some((part) => part.some((byte) => byte !== 0))
}
