// Where images' bytes lie, whatever holds them. A stored image is whole or absent; halves are never seen.
import type { Readable } from 'node:stream'
import type { HttpDownload } from '#kit/http/download.ts'

export type StoredImage = { id: string; sizeBytes: number }

export type ImageStoreOptions = {
  /** Where a store on this host keeps its files. */
  folder: string
  /** For stores that lie elsewhere. */
  download?: HttpDownload
}

export type ByteRange = { start: number /** Included. */; end: number }

/** What every store can do, those that others fill among them. A `ref` is what stands after the image in a location. */
export type ImageSource = {
  readonly kind: string
  /** Shown to operators: `datadir`, `pool`; nothing secret. */
  readonly properties: Record<string, unknown>
  /** Kind 'notFound' where there is no such image. */
  get(ref: string, range?: ByteRange): Promise<Readable>
  info(ref: string): Promise<StoredImage | undefined>
}

/** A store of our own, which takes images by their ids. */
export type ImageStore = ImageSource & {
  /** The URL by which operators know a stored image, whether it is there or not. */
  locate(id: string): string
  /**
   * Takes the stream to its end; a failure or a broken stream leaves nothing. Kind 'tooLarge' above `limitBytes` and
   * where the store is full. `check` sees the whole before it counts as stored, and may refuse it.
   */
  put(
    id: string,
    content: Readable,
    options: {
      limitBytes: number
      check: (read: ReadAt, sizeBytes: number) => Promise<void>
      /** Called with each chunk when the store has no more use for it. */
      spent?: (chunk: Buffer) => void
    },
  ): Promise<StoredImage>
  /** No error when it is gone. */
  remove(id: string): Promise<void>
  list(): Promise<StoredImage[]>
  /** Removes what uploads of this host left that broke with the process. */
  sweep(): Promise<void>
}

/** Bytes at an offset; fewer than asked for where the image ends. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>

export function isWritable(store: ImageSource): store is ImageStore {
  return 'put' in store
}
