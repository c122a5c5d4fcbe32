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

/** A table that lies in the file whole, piece by piece; the event loop gets its turn in between. `first` is an index. */
export async function* pieces(
  read: Reader,
  offset: number,
  count: number,
  width: 4 | 8 | 16,
): AsyncGenerator<{ first: number; bytes: Buffer }> {
  const perPiece = pieceBytes / width
  for (let first = 0; first < count; first += perPiece) {
    const wanted = Math.min(perPiece, count - first)
    yield { first, bytes: await read(offset + first * width, wanted * width) }
  }
}

/** What `judge` says against an entry, of the first one against which it says something. Tables have millions of them. */
export async function firstReason(
  read: Reader,
  offset: number,
  count: number,
  width: 4 | 8 | 16,
  judge: (bytes: Buffer, at: number, index: number) => string | undefined,
): Promise<string | undefined> {
  for await (const { first, bytes } of pieces(read, offset, count, width)) {
    for (let i = 0; (i + 1) * width <= bytes.length; i++) {
      const reason = judge(bytes, i * width, first + i)
      if (reason !== undefined) return reason
    }
  }
  return undefined
}
