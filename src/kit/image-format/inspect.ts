// Tells what an image is by its bytes alone, before any tool opens it. The claimed format plays no part here.
import type { ImageFormat, ImageInfo, Parsed, Reader } from './format.ts'
import { parsePloop } from './ploop.ts'
import { parseQcow2 } from './qcow2.ts'
import { isVhdFooter, parseVhd, vhdFooterBytes } from './vhd.ts'
import { parseVhdx } from './vhdx.ts'
import { isoDescriptorAt, parseIso, parseVdi, partitionTable } from './virtual-disk.ts'
import { parseVmdk } from './vmdk.ts'
import { missingPart } from './whole.ts'

type Mark = { format: ImageFormat; offset: number; bytes: Buffer }

const mark = (format: ImageFormat, offset: number, bytes: string): Mark => ({
  format,
  offset,
  bytes: Buffer.from(bytes, 'latin1'),
})

const marks: Mark[] = [
  mark('qcow2', 0, 'QFI\xfb'),
  mark('qed', 0, 'QED\0'),
  mark('vmdk', 0, 'KDMV'),
  mark('vmdk', 0, 'COWD'),
  mark('vmdk', 0, '# Disk DescriptorFile'),
  mark('vdi', 0x40, '\x7f\x10\xda\xbe'),
  mark('vhd', 0, 'conectix'),
  mark('vhdx', 0, 'vhdxfile'),
  mark('luks', 0, 'LUKS\xba\xbe'),
  mark('ploop', 0, 'WithoutFreeSpace'),
  mark('ploop', 0, 'WithouFreSpacExt'),
  mark('iso', isoDescriptorAt + 1, 'CD001'),
]

/** Version 1 has qcow2's mark, and is another format. */
const firstQcow = Buffer.from([0, 0, 0, 1])

/** How much of an image's beginning is enough to tell its format: the ISO 9660 mark lies furthest in. */
export const formatBytes = isoDescriptorAt + 2048

const parsers: Partial<Record<ImageFormat, (read: Reader, fileSize: number) => Promise<Parsed>>> = {
  qcow2: parseQcow2,
  vmdk: parseVmdk,
  vdi: parseVdi,
  vhd: parseVhd,
  vhdx: parseVhdx,
  ploop: parsePloop,
  iso: parseIso,
}

/** Everything that the headers say; the file may be a beginning alone. Throws CloudError 'badRequest' where they contradict themselves. */
export async function inspectImage(read: Reader, fileSize: number): Promise<ImageInfo> {
  const formats = await formatsOf(read, fileSize)
  const [found = 'raw', ...alsoLooksLike] = formats
  const format = found === 'qcow2' && (await read(4, 4)).equals(firstQcow) ? 'qcow' : found
  const parse = parsers[format]
  const parsed: Parsed = parse ? await parse(read, fileSize) : { virtualSize: fileSize }
  const partitions = format === 'raw' || format === 'iso' ? await partitionTable(read) : undefined
  return {
    ...parsed,
    format,
    fileSize,
    ...(partitions ? { partitions } : {}),
    alsoLooksLike,
    problems: parsed.problems ?? [],
  }
}

/** As `inspectImage`, for a file that is complete: what its tables name must be there. */
export async function inspectWhole(read: Reader, fileSize: number): Promise<ImageInfo> {
  const info = await inspectImage(read, fileSize)
  const missing = await missingPart(read, info)
  return missing === undefined ? info : { ...info, problems: [...info.problems, missing] }
}

/** The formats whose marks the bytes carry, first the one that tools would take. Empty for raw. */
async function formatsOf(read: Reader, fileSize: number): Promise<ImageFormat[]> {
  const found = new Set<ImageFormat>()
  for (const { format, offset, bytes } of marks) {
    if ((await read(offset, bytes.length)).equals(bytes)) found.add(format)
  }
  if (fileSize >= vhdFooterBytes && isVhdFooter(await read(fileSize - vhdFooterBytes, vhdFooterBytes)))
    found.add('vhd')
  return [...found]
}

/** The format by the first bytes of a stream; give `formatBytes` of them, or all where the image is shorter. */
export async function formatOfHead(head: Buffer): Promise<ImageFormat> {
  return (await formatsOf(bufferReader(head), 0))[0] ?? 'raw'
}

export function bufferReader(bytes: Buffer): Reader {
  return async (offset, length) =>
    bytes.subarray(Math.min(offset, bytes.length), Math.min(offset + length, bytes.length))
}
