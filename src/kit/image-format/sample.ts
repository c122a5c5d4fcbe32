// Small images for tests, header by header: what tools write, and what an attacker would.
import { createQcow2 } from '../qcow2/create.ts'

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

export function vmdkSample(change: { createType?: string; extent?: string; capacity?: bigint } = {}): Buffer {
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

export function vmdkDescriptor(change: { createType?: string; extent?: string } = {}): string {
  return [
    '# Disk DescriptorFile',
    'version=1',
    'CID=7c2f0a4e',
    'parentCID=ffffffff',
    `createType="${change.createType ?? 'monolithicSparse'}"`,
    change.extent ?? 'RW 2048 SPARSE "disk.vmdk"',
    '',
  ].join('\n')
}

export function vdiSample(kind = 1): Buffer {
  const image = Buffer.alloc(4096)
  image.write('<<< Oracle VM VirtualBox Disk Image >>>\n', 0, 'latin1')
  image.writeUInt32LE(0xbeda107f, 0x40)
  image.writeUInt32LE(kind, 0x4c)
  image.writeBigUInt64LE(BigInt(gib), 0x170)
  image.writeUInt32LE(2 ** 20, 0x178)
  return image
}

function vhdFooter(kind: number): Buffer {
  const footer = Buffer.alloc(512)
  footer.write('conectix', 0, 'latin1')
  footer.writeBigUInt64BE(BigInt(gib), 48)
  footer.writeUInt32BE(kind, 60)
  let sum = 0
  for (const byte of footer) sum += byte
  footer.writeUInt32BE(~sum >>> 0, 64)
  return footer
}

/** A fixed VHD has its footer at the end alone, the others a copy at the beginning. */
export function vhdSample(kind: number): Buffer {
  return kind === 2
    ? Buffer.concat([Buffer.alloc(4096), vhdFooter(2)])
    : Buffer.concat([vhdFooter(kind), Buffer.alloc(1024), vhdFooter(kind)])
}

export function vhdxSample(hasParent = false): Buffer {
  const image = Buffer.alloc(2 ** 20 + 128 * 1024)
  image.write('vhdxfile', 0, 'latin1')
  image.write('regi', 192 * 1024, 'latin1')
  image.writeUInt32LE(1, 192 * 1024 + 8)
  Buffer.from('06a27c8b90479a4bb8fe575f050f886e', 'hex').copy(image, 192 * 1024 + 16)
  image.writeBigUInt64LE(BigInt(2 ** 20), 192 * 1024 + 32)
  const table = 2 ** 20
  image.write('metadata', table, 'latin1')
  image.writeUInt16LE(2, table + 10)
  Buffer.from('3767a1ca36fa434db3b633f0aa44e76b', 'hex').copy(image, table + 32)
  image.writeUInt32LE(65_536, table + 48)
  Buffer.from('2442a52f1bcd7648b2115dbed83bf4b8', 'hex').copy(image, table + 64)
  image.writeUInt32LE(65_544, table + 80)
  image.writeUInt32LE(32 * 2 ** 20, table + 65_536)
  image.writeUInt32LE(hasParent ? 2 : 0, table + 65_540)
  image.writeBigUInt64LE(BigInt(gib), table + 65_544)
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
