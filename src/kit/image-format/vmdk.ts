// VMDK: sparse extents with an embedded descriptor, and bare descriptor files. Only images that lie wholly in their
// one file are safe: a descriptor can name any file of the host as an extent (CVE-2022-47951).
// Layout: VMware Virtual Disk Format 1.1.
import { CloudError } from '../errors/cloud-error.ts'
import { type Parsed, type Reader, readExactly, wholeNumber } from './format.ts'

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
  if (capacity > Number.MAX_SAFE_INTEGER / sectorBytes) throw bad('its capacity is impossibly large')
  if (offset === 0 || size === 0) throw bad('it has no descriptor')
  if (size * sectorBytes > longestDescriptor) throw bad('its descriptor is too long')
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

function readDescriptor(
  text: string,
  own: number,
): { variant: string; problems: string[]; backingFile?: string } {
  const lines = text.split('\0', 1)[0]!.split(/\r?\n/)
  const value = (key: string) =>
    lines
      .map((line) => new RegExp(`^\\s*${key}\\s*=\\s*"?([^"]*)"?\\s*$`, 'i').exec(line)?.[1])
      .find((found) => found !== undefined)
  const variant = value('createType') ?? 'unknown'
  const parent = value('parentFileNameHint')
  const extents = extentLines(lines)
  const problems: string[] = []
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

/** Lines such as `RW 4192256 SPARSE "disk.vmdk"`. */
function extentLines(lines: string[]): { sectors: number; kind: string; name: string }[] {
  return lines
    .map((line) => /^\s*(?:RW|RDONLY|NOACCESS)\s+(\d{1,15})\s+(\w+)(?:\s+"([^"]*)")?/i.exec(line))
    .filter((match) => match !== null)
    .map((match) => ({ sectors: Number(match[1]), kind: match[2]!.toUpperCase(), name: match[3] ?? '' }))
}

function sectorsOf(text: string): number {
  return extentLines(text.split(/\r?\n/)).reduce((sum, extent) => sum + extent.sectors, 0)
}

function unsafe(variant: string): string {
  return `VMDK of type '${variant}' is made of several files or names files of the host; only ${safeVariants.join(' and ')} are taken.`
}

function bad(why: string): CloudError {
  return new CloudError('badRequest', `The image is not a valid VMDK: ${why}.`, { type: 'InvalidImage' })
}
