// Places in an image's file, as its own tables name them: whether they are there, and how a table is walked.
import type { ImageInfo, Reader } from './format.ts'

/** A sentence where `what`, which ends at that byte, isn't all in the file. */
export function beyond(
  { fileSize }: Pick<ImageInfo, 'fileSize'>,
  end: number,
  what: string,
): string | undefined {
  return end > fileSize
    ? `It is cut off: ${what} ends at byte ${end}, and the file has ${fileSize}.`
    : undefined
}

/** Numbers are read in pieces of this size, so that no table, however large, is in memory whole. */
const pieceBytes = 64 * 1024

/** The entries of a table that lies in the file whole; the event loop gets its turn between the pieces. */
export async function* entries(
  read: Reader,
  offset: number,
  count: number,
  width: 4 | 8 | 16,
): AsyncGenerator<{ index: number; bytes: Buffer; at: number }> {
  const perPiece = pieceBytes / width
  for (let first = 0; first < count; first += perPiece) {
    const wanted = Math.min(perPiece, count - first)
    const bytes = await read(offset + first * width, wanted * width)
    for (let i = 0; (i + 1) * width <= bytes.length; i++) yield { index: first + i, bytes, at: i * width }
  }
}
