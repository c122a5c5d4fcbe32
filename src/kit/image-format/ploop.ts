// Ploop, which QEMU calls parallels: a header, and a table of blocks behind it.
// Source: docs/interop/parallels.txt of QEMU.
import { beyond, firstReason } from './extent.ts'
import { type ImageInfo, invalid, type Parsed, type Reader, readExactly, wholeNumber } from './format.ts'

const headerBytes = 64
const sectorBytes = 512
/** Of this mark the table counts blocks; of the older one, sectors. */
const newerMark = 'WithouFreSpacExt'

async function readHeader(read: Reader) {
  const head = await readExactly(read, 0, headerBytes, 'ploop header')
  const newer = head.toString('latin1', 0, 16) === newerMark
  const blockBytes = head.readUInt32LE(28) * sectorBytes
  if (blockBytes === 0) throw invalid('ploop image', 'its blocks have no size')
  const sectors = newer ? wholeNumber(head.readBigUInt64LE(36), 'size') : head.readUInt32LE(36)
  if (sectors > Number.MAX_SAFE_INTEGER / sectorBytes)
    throw invalid('ploop image', 'its size is impossibly large')
  const unitBytes = newer ? blockBytes : sectorBytes
  return { blockBytes, unitBytes, count: head.readUInt32LE(32), virtualSize: sectors * sectorBytes }
}

export async function parsePloop(read: Reader): Promise<Parsed> {
  const { virtualSize, blockBytes } = await readHeader(read)
  return { virtualSize, clusterSize: blockBytes }
}

/** The table, and each block that it names; 0 is nothing. */
export async function wholePloop(read: Reader, info: ImageInfo): Promise<string | undefined> {
  const { blockBytes, unitBytes, count } = await readHeader(read)
  if (count * blockBytes < info.virtualSize) return 'Its table has fewer blocks than its disk.'
  const cutTable = beyond(info, headerBytes + count * 4, 'its table of blocks')
  if (cutTable !== undefined) return cutTable
  return firstReason(read, headerBytes, count, 4, (bytes, at) => {
    const place = bytes.readUInt32LE(at)
    return place === 0 ? undefined : beyond(info, place * unitBytes + blockBytes, 'a block')
  })
}
