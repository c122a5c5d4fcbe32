// VMDK: sparse extents with an embedded descriptor, and bare descriptor files. Only images that lie wholly in their
// one file are safe: a descriptor can name any file of the host as an extent (CVE-2022-47951).
// Layout: VMware Virtual Disk Format 1.1.
import { beyond, firstReason, pieces } from './extent.ts'
import { type ImageInfo, invalid, type Parsed, type Reader, readExactly, wholeNumber } from './format.ts'

const sectorBytes = 512
const headerBytes = 79
/** Real descriptors take about one KiB; the room reserved for them is 20 sectors. */
const longestDescriptor = 64 * 1024
const safeVariants = ['monolithicSparse', 'streamOptimized']

export async function parseVmdk(read: Reader): Promise<Parsed> {
  const magic = (await readExactly(read, 0, 4, 'VMDK header')).toString('latin1')
  if (magic === 'COWD') return { virtualSize: 0, variant: 'vmfsSparse', problems: [unsafe('vmfsSparse')] }
  if (magic !== 'KDMV') {
    const text = (await read(0, longestDescriptor)).toString('latin1')
    return { ...readDescriptor(text, 0), virtualSize: sectorsOf(text) * sectorBytes }
  }
  const head = await readExactly(read, 0, headerBytes, 'VMDK header')
  const capacity = wholeNumber(head.readBigUInt64LE(12), 'capacity')
  const offset = wholeNumber(head.readBigUInt64LE(28), 'descriptor offset')
  const size = wholeNumber(head.readBigUInt64LE(36), 'descriptor size')
  if (capacity > Number.MAX_SAFE_INTEGER / sectorBytes)
    throw invalid('VMDK', 'its capacity is impossibly large')
  if (offset === 0 || size === 0) throw invalid('VMDK', 'it has no descriptor')
  if (size * sectorBytes > longestDescriptor) throw invalid('VMDK', 'its descriptor is too long')
  const text = (
    await readExactly(read, offset * sectorBytes, size * sectorBytes, 'VMDK descriptor')
  ).toString('latin1')
  const parsed = readDescriptor(text, 1)
  // A header with no capacity makes QEMU follow the descriptor as if it stood alone.
  if (capacity === 0)
    parsed.problems.push(
      'Its header gives no capacity, so that tools would follow its descriptor to other files.',
    )
  return {
    ...parsed,
    virtualSize: capacity * sectorBytes,
    clusterSize: wholeNumber(head.readBigUInt64LE(20), 'grain size') * sectorBytes,
  }
}

/**
 * Tools read descriptors carelessly: QEMU takes a word where it first finds it, also within a comment. So does this, and
 * what comes behind a NUL counts as well.
 */
function readDescriptor(
  text: string,
  own: number,
): { variant: string; problems: string[]; backingFile?: string } {
  const lines = text.split(/[\r\n\0]+/)
  const values = (key: string) =>
    [...text.matchAll(new RegExp(`${key}\\s*=\\s*"?([^"\\r\\n\\0]*)`, 'gi'))].map((found) => found[1]!.trim())
  const [variant = 'unknown', ...otherVariants] = values('createType')
  const [parent] = values('parentFileNameHint')
  const problems: string[] = []
  if (otherVariants.length > 0) problems.push('Its VMDK descriptor tells its type more than once.')
  if (parent === undefined && values('parentCID').some((cid) => !/^f{8}$/i.test(cid)))
    problems.push('It needs another VMDK, its parent.')
  const extents = extentLines(lines)
  if (!safeVariants.includes(variant)) problems.push(unsafe(variant))
  else if (
    extents.length !== own ||
    extents.some((extent) => extent.kind !== 'SPARSE' || /[/\\]/.test(extent.name))
  ) {
    problems.push(
      `Its VMDK descriptor names other files (${extents.map((extent) => extent.name).join(', ') || 'none of its own'}).`,
    )
  }
  return { variant, problems, ...(parent === undefined ? {} : { backingFile: parent }) }
}

/** Lines such as `RW 4192256 SPARSE "disk.vmdk"`; what begins like one is one, however odd the rest. */
function extentLines(lines: string[]): { sectors: number; kind: string; name: string }[] {
  return lines
    .map((line) => /^\s*(?:RW|RDONLY|NOACCESS)\s(.*)$/i.exec(line)?.[1])
    .filter((rest) => rest !== undefined)
    .map((rest) => {
      const [, sectors = '0', kind = '', name = rest] = /^\s*(\d{1,15})\s+(\w+)\s+"([^"]*)"/.exec(rest) ?? []
      return { sectors: Number(sectors), kind: kind.toUpperCase(), name }
    })
}

function sectorsOf(text: string): number {
  return extentLines(text.split(/[\r\n\0]+/)).reduce((sum, extent) => sum + extent.sectors, 0)
}

function unsafe(variant: string): string {
  return `VMDK of type '${variant}' is made of several files or names files of the host; only ${safeVariants.join(' and ')} are taken.`
}

const atTheEnd = 0xffff_ffff_ffff_ffffn
const compressedFlag = 1 << 16

/** The grain directory, its tables, and their grains; where the header says so they are named by a footer. */
export async function wholeVmdk(read: Reader, info: ImageInfo): Promise<string | undefined> {
  // Bare descriptors and foreign extents are refused as such.
  const first = await read(0, headerBytes)
  if (first.length < headerBytes || first.toString('latin1', 0, 4) !== 'KDMV') return undefined
  let head = first
  if (first.readBigUInt64LE(56) === atTheEnd) {
    head = await read(Math.max(0, info.fileSize - 2 * sectorBytes), headerBytes)
    if (head.length < headerBytes || head.toString('latin1', 0, 4) !== 'KDMV')
      return 'It is cut off: the footer at its end is missing.'
    // Capacity, grain and the entries of a table: some tools go by the one, and some by the other.
    if (!sameBytes(head, first, 12, 28) || !sameBytes(head, first, 44, 48))
      return 'Its footer tells of another disk than its header.'
  }
  const perTable = head.readUInt32LE(44)
  const grain = info.clusterSize!
  if (perTable === 0 || perTable > 512 || grain === 0) return 'Its grain tables have an impossible size.'
  const directoryAt = wholeNumber(head.readBigUInt64LE(56), 'grain directory') * sectorBytes
  const count = Math.ceil(info.virtualSize / (grain * perTable))
  const compressed = (head.readUInt32LE(8) & compressedFlag) !== 0
  const cutDirectory = beyond(info, directoryAt + count * 4, 'its grain directory')
  if (cutDirectory !== undefined) return cutDirectory
  let last = 0
  const seen = new Set<number>()
  for await (const { first: firstTable, bytes } of pieces(read, directoryAt, count, 4)) {
    for (let i = 0; (i + 1) * 4 <= bytes.length; i++) {
      const tableAt = bytes.readUInt32LE(i * 4) * sectorBytes
      if (tableAt === 0 || seen.has(tableAt)) continue
      seen.add(tableAt)
      const guestAt = (firstTable + i) * perTable * grain
      const cut =
        beyond(info, tableAt + perTable * 4, 'a grain table') ??
        (await firstReason(read, tableAt, perTable, 4, (table, at, index) => {
          const start = table.readUInt32LE(at) * sectorBytes
          // 0 is nothing, and sector 1 stands for zeros.
          if (start <= sectorBytes) return undefined
          last = Math.max(last, start)
          const left = info.virtualSize - (guestAt + index * grain)
          return beyond(
            info,
            start + (compressed ? grainMarkerBytes : Math.max(0, Math.min(grain, left))),
            'a grain',
          )
        }))
      if (cut !== undefined) return cut
    }
  }
  return compressed && last > 0 ? lastGrain(read, info, last) : undefined
}

const sameBytes = (a: Buffer, b: Buffer, from: number, to: number) =>
  a.subarray(from, to).equals(b.subarray(from, to))

const grainMarkerBytes = 12

/** How long a compressed grain is its marker tells. Only the last one's can reach past the end of a file that was cut. */
async function lastGrain(read: Reader, info: ImageInfo, start: number): Promise<string | undefined> {
  const marker = await readExactly(read, start, grainMarkerBytes, 'grain marker')
  return beyond(info, start + grainMarkerBytes + marker.readUInt32LE(8), 'a grain')
}
