// Small images for tests, header by header: what tools write, and what an attacker would.
import { createQcow2 } from '../qcow2/create.ts'
import { headerChecksum } from './vhdx.ts'

const gib = 2 ** 30

export function qcow2Sample(
  change: {
    version2?: boolean
    incompatible?: bigint
    encryption?: number
    backing?: string
    lazy?: boolean
  } = {},
): Buffer {
  const image = createQcow2({
    virtualSize: gib,
    ...(change.backing ? { backing: { path: change.backing, format: 'qcow2' as const } } : {}),
  })
  if (change.version2) {
    image.writeUInt32BE(2, 4)
    image.fill(0, 72, 112)
  }
  if (change.incompatible) image.writeBigUInt64BE(change.incompatible, 72)
  if (change.encryption) image.writeUInt32BE(change.encryption, 32)
  if (change.lazy) image.writeBigUInt64BE(1n, 80)
  return image
}

export function vmdkSample(
  change: { createType?: string; extent?: string; parent?: string; capacity?: bigint } = {},
): Buffer {
  const image = Buffer.alloc(64 * 1024)
  image.write('KDMV', 0, 'latin1')
  image.writeUInt32LE(1, 4)
  image.writeBigUInt64LE(change.capacity ?? 2048n, 12)
  image.writeBigUInt64LE(128n, 20)
  image.writeBigUInt64LE(1n, 28)
  image.writeBigUInt64LE(20n, 36)
  // One grain table, not made yet.
  image.writeUInt32LE(512, 44)
  image.writeBigUInt64LE(21n, 56)
  image.write(vmdkDescriptor(change), 512, 'latin1')
  return image
}

export function vmdkDescriptor(
  change: { createType?: string; extent?: string; parent?: string } = {},
): string {
  return [
    '# Disk DescriptorFile',
    'version=1',
    'CID=7c2f0a4e',
    `parentCID=${change.parent ? '7c2f0a4f' : 'ffffffff'}`,
    ...(change.parent ? [`parentFileNameHint="${change.parent}"`] : []),
    `createType="${change.createType ?? 'monolithicSparse'}"`,
    change.extent ?? 'RW 2048 SPARSE "disk.vmdk"',
    '',
  ].join('\n')
}

export function vdiSample(kind = 1): Buffer {
  const image = Buffer.alloc(4096 + 512)
  image.write('<<< Oracle VM VirtualBox Disk Image >>>\n', 0, 'latin1')
  image.writeUInt32LE(0xbeda107f, 0x40)
  image.writeUInt32LE(kind, 0x4c)
  image.writeUInt32LE(512, 0x154)
  image.writeUInt32LE(4096 + 512, 0x158)
  image.writeBigUInt64LE(BigInt(gib), 0x170)
  image.writeUInt32LE(2 ** 20, 0x178)
  // No block is there yet.
  image.writeUInt32LE(1024, 0x180)
  image.fill(0xff, 512, 4096 + 512)
  return image
}

function vhdFooter(kind: number, virtualSize: number): Buffer {
  const footer = Buffer.alloc(512)
  footer.write('conectix', 0, 'latin1')
  footer.writeBigUInt64BE(512n, 16)
  footer.writeBigUInt64BE(BigInt(virtualSize), 48)
  footer.writeUInt32BE(kind, 60)
  let sum = 0
  for (const byte of footer) sum += byte
  footer.writeUInt32BE(~sum >>> 0, 64)
  return footer
}

/**
 * A fixed VHD has its footer at the end alone, the others a copy at the beginning, and a header with a table of blocks.
 * `parent`: is named in the header, whatever the footer says. `blocks`: where the first ones lie, in sectors.
 */
export function vhdSample(kind: number, change: { parent?: string; blocks?: number[] } = {}): Buffer {
  if (kind === 2) return Buffer.concat([Buffer.alloc(4096), vhdFooter(2, 4096)])
  const header = Buffer.alloc(1024)
  header.write('cxsparse', 0, 'latin1')
  header.writeBigUInt64BE(1536n, 16)
  header.writeUInt32BE(512, 28)
  header.writeUInt32BE(2 ** 21, 32)
  if (change.parent) header.write(change.parent, 64, 'utf16le')
  const table = Buffer.alloc(2048, 0xff)
  for (const [index, sector] of (change.blocks ?? []).entries()) table.writeUInt32BE(sector, index * 4)
  const data = Buffer.alloc(change.blocks ? 2 ** 21 + 512 : 0)
  const footer = vhdFooter(kind, gib)
  return Buffer.concat([footer, header, table, data, footer])
}

/** `block`: the entry of the first block in the table of all. `log`: something is left to be done by it. */
export function vhdxSample(
  change: { flags?: number; parentItem?: boolean; block?: bigint; log?: boolean } = {},
): Buffer {
  const image = Buffer.alloc(4 * 2 ** 20)
  image.write('vhdxfile', 0, 'latin1')
  for (const [index, at] of [64 * 1024, 128 * 1024].entries()) {
    const header = image.subarray(at, at + 4096)
    header.write('head', 'latin1')
    header.writeBigUInt64LE(BigInt(7 + index), 8)
    // A header that is older than the other one may still name a log that is done with.
    if (index === 0 || change.log) header.fill(1, 48, 64)
    header.writeUInt32LE(headerChecksum(header), 4)
  }
  image.write('regi', 192 * 1024, 'latin1')
  image.writeUInt32LE(2, 192 * 1024 + 8)
  const [metadataAt, blocksAt] = [2 ** 20, 2 * 2 ** 20]
  const region = (index: number, id: string, at: number) => {
    const entry = 192 * 1024 + 16 + index * 32
    Buffer.from(id, 'hex').copy(image, entry)
    image.writeBigUInt64LE(BigInt(at), entry + 16)
    image.writeUInt32LE(2 ** 20, entry + 24)
    image.writeUInt32LE(1, entry + 28)
  }
  region(0, '06a27c8b90479a4bb8fe575f050f886e', metadataAt)
  region(1, '6677c22d23f600429d64115e9bfd4a08', blocksAt)
  const items: [string, Buffer][] = [
    ['3767a1ca36fa434db3b633f0aa44e76b', numbers(2 ** 20, change.flags ?? 0)],
    ['2442a52f1bcd7648b2115dbed83bf4b8', numbers(gib, 0)],
    ['1dbf41816fa90947ba47f233a8faab5f', numbers(512, 0)],
    ...(change.parentItem ? [['2d5fd3a80bb34d45abf7d3d84834ab0c', numbers(0, 0)] as [string, Buffer]] : []),
  ]
  image.write('metadata', metadataAt, 'latin1')
  image.writeUInt16LE(items.length, metadataAt + 10)
  for (const [index, [id, value]] of items.entries()) {
    const entry = metadataAt + 32 + index * 32
    Buffer.from(id, 'hex').copy(image, entry)
    image.writeUInt32LE(65_536 + index * 8, entry + 16)
    image.writeUInt32LE(8, entry + 20)
    image.writeUInt32LE(4, entry + 24)
    value.copy(image, metadataAt + 65_536 + index * 8)
  }
  if (change.block !== undefined) image.writeBigUInt64LE(change.block, blocksAt)
  return image
}

function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * 4)
  return bytes
}

/** Of two blocks; the first lies right behind the table. */
export function ploopSample(newer = false): Buffer {
  const image = Buffer.alloc(3 * 2 ** 20)
  image.write(newer ? 'WithouFreSpacExt' : 'WithoutFreeSpace', 0, 'latin1')
  image.writeUInt32LE(2, 16)
  image.writeUInt32LE(2048, 28)
  image.writeUInt32LE(2, 32)
  image.writeBigUInt64LE(4096n, 36)
  image.writeUInt32LE(newer ? 2 : 4096, 64)
  return image
}

export function isoSample(): Buffer {
  const image = Buffer.alloc(20 * 2048)
  image.write('\x01CD001\x01', 16 * 2048, 'latin1')
  image.writeUInt32LE(20, 16 * 2048 + 80)
  image.writeUInt16LE(2048, 16 * 2048 + 128)
  return image
}

export function mbrSample(gpt = false): Buffer {
  const image = Buffer.alloc(64 * 1024)
  image[446] = 0x80
  image[450] = gpt ? 0xee : 0x83
  image.writeUInt32LE(100, 458)
  image.writeUInt16LE(0xaa55, 510)
  if (gpt) image.write('EFI PART', 512, 'latin1')
  return image
}
