// Where images' bytes lie, whatever holds them. A stored image is whole or absent; halves are never seen.
import type { Readable } from 'node:stream'

export type StoredImage = { id: string; sizeBytes: number }

export type ImageStoreOptions = { /** Where a store on this host keeps its files. */ folder: string }

export type ByteRange = { start: number /** Included. */; end: number }

export type ImageStore = {
  readonly name: string
  /**
   * Takes the stream to its end; a failure or a broken stream leaves nothing. Kind 'tooLarge' above `limitBytes`,
   * 'unavailable' where the store is full. `check` sees the whole before it counts as stored, and may refuse it.
   */
  put(
    id: string,
    content: Readable,
    options: { limitBytes: number; check: (read: ReadAt, sizeBytes: number) => Promise<void> },
  ): Promise<StoredImage>
  /** Kind 'notFound' where there is no such image. */
  get(id: string, range?: ByteRange): Promise<Readable>
  info(id: string): Promise<StoredImage | undefined>
  /** No error when it is gone. */
  remove(id: string): Promise<void>
  list(): Promise<StoredImage[]>
  /** Removes what uploads left that broke with the process. */
  sweep(): Promise<void>
}

/** Bytes at an offset; fewer than asked for where the image ends. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>
