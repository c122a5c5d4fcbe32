// The bytes of a new qcow2 image, blank or an overlay on another file: what `qemu-img create` would write, without
// the process. Version 3, 64 KiB clusters, 16-bit reference counts, no lazy reference counts.
// Layout: docs/interop/qcow2.txt of QEMU.
import { CloudError } from '../errors/cloud-error.ts'

export const clusterSize = 65_536
const clusterBits = 16
const headerLength = 112
const extensionBackingFormat = 0xe2792aca
/** One L2 table is a cluster of 8-byte entries, one per cluster of content: 512 MiB. */
const bytesPerL1Entry = (clusterSize / 8) * clusterSize
/** QEMU's own limit of an L1 table, 32 MiB. */
const mostL1Entries = (32 * 2 ** 20) / 8

export type Qcow2Wish = {
  /** Bytes, a multiple of 512. */
  virtualSize: number
  backing?: { path: string; format: 'raw' | 'qcow2' }
}

/** Clusters: header, reference count table, one reference count block, then the L1 table with no entry used. */
export function createQcow2(wish: Qcow2Wish): Buffer {
  const l1Entries = Math.ceil(wish.virtualSize / bytesPerL1Entry)
  if (wish.virtualSize % 512 !== 0 || wish.virtualSize <= 0 || l1Entries > mostL1Entries) {
    throw new CloudError('badRequest', `A disk of ${wish.virtualSize} bytes can't be made.`)
  }
  const l1At = 3 * clusterSize
  const image = Buffer.alloc(l1At + l1Entries * 8)
  const clusters = Math.ceil(image.length / clusterSize)

  image.write('QFI\xfb', 0, 'latin1')
  image.writeUInt32BE(3, 4)
  image.writeUInt32BE(clusterBits, 20)
  image.writeBigUInt64BE(BigInt(wish.virtualSize), 24)
  image.writeUInt32BE(l1Entries, 36)
  image.writeBigUInt64BE(BigInt(l1At), 40)
  image.writeBigUInt64BE(BigInt(clusterSize), 48)
  image.writeUInt32BE(1, 56)
  image.writeUInt32BE(4, 96) // reference counts of 2^4 bits
  image.writeUInt32BE(headerLength, 100)
  if (wish.backing) writeBacking(image, wish.backing)

  image.writeBigUInt64BE(BigInt(2 * clusterSize), clusterSize)
  for (let i = 0; i < clusters; i++) image.writeUInt16BE(1, 2 * clusterSize + 2 * i)
  return image
}

/** The format stands in the header, so that QEMU never guesses it from bytes that a guest wrote. */
function writeBacking(image: Buffer, backing: NonNullable<Qcow2Wish['backing']>): void {
  const path = Buffer.from(backing.path, 'utf8')
  if (path.length > 1023)
    throw new CloudError('badRequest', `The path of the base image is too long: ${backing.path}`)
  const format = Buffer.from(backing.format, 'latin1')
  image.writeUInt32BE(extensionBackingFormat, headerLength)
  image.writeUInt32BE(format.length, headerLength + 4)
  format.copy(image, headerLength + 8)
  const pathAt = headerLength + 16 + 8 // one padded extension, then the end mark of zeros
  path.copy(image, pathAt)
  image.writeBigUInt64BE(BigInt(pathAt), 8)
  image.writeUInt32BE(path.length, 16)
}
