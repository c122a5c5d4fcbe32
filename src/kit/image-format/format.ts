// What an image turned out to be by its bytes, and how its bytes are read. Shared by all parsers of this folder.
import { CloudError } from '../errors/cloud-error.ts'

/** Bytes at an offset; fewer than asked for where the image ends. Never throws for offsets past the end. */
export type Reader = (offset: number, length: number) => Promise<Buffer>

export type ImageFormat =
  | 'raw'
  | 'qcow2'
  | 'qcow'
  | 'qed'
  | 'vmdk'
  | 'vdi'
  | 'vhd'
  | 'vhdx'
  | 'iso'
  | 'luks'
  | 'ploop'

export type Qcow2Details = {
  compat: '0.10' | '1.1'
  lazyRefcounts: boolean
  refcountBits: number
  corrupt: boolean
  dirty: boolean
  extendedL2: boolean
  compression: 'zlib' | 'zstd'
  snapshots: number
}

export type ImageInfo = {
  format: ImageFormat
  /** Bytes that a guest sees. */
  virtualSize: number
  /** Bytes of the file itself. */
  fileSize: number
  clusterSize?: number
  backingFile?: string
  backingFormat?: string
  /** The guest's bytes lie in another file: its name, or '' where only the header's bit says so. */
  dataFile?: string
  encryption?: 'aes' | 'luks' | 'unknown'
  qcow2?: Qcow2Details
  /** VMDK's createType; VDI's and VHD's kind: 'monolithicSparse', 'dynamic', 'fixed', 'differencing' ... */
  variant?: string
  /** Partition table of a raw or hybrid image. */
  partitions?: 'gpt' | 'mbr'
  /** Other formats whose mark the same bytes carry: a polyglot, which two tools would read differently. */
  alsoLooksLike: ImageFormat[]
  /** Sentences saying why no tool should open it. */
  problems: string[]
}

/** What a parser adds to what is known of every image. */
export type Parsed = Partial<ImageInfo> & { virtualSize: number }

/** A 64-bit number of a header as a JavaScript number; headers that claim more than 2^53 are lies. */
export function wholeNumber(value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new CloudError('badRequest', `The image's ${what} is impossibly large.`, { type: 'InvalidImage' })
  }
  return Number(value)
}

/** Reads exactly that much, or says that the header is cut off. */
export async function readExactly(
  read: Reader,
  offset: number,
  length: number,
  what: string,
): Promise<Buffer> {
  const bytes = await read(offset, length)
  if (bytes.length < length) {
    throw new CloudError('badRequest', `The image ends within its ${what}.`, { type: 'InvalidImage' })
  }
  return bytes
}

/** `format` as people call it: 'VHDX'. */
export function invalid(format: string, why: string): CloudError {
  return new CloudError('badRequest', `The image is not a valid ${format}: ${why}.`, { type: 'InvalidImage' })
}
