// Where volumes lie, whatever holds them. Keyed by the volume's id; everything may run twice.
import type { Readable } from 'node:stream'

export type VolumeSource = {
  /** Glance's disk format, held against the bytes before any tool opens them. */
  diskFormat: string
  sizeBytes: number
  hashAlgorithm?: string
  hashValue?: string
  open(): Promise<Readable>
}

export type VolumeConnection = { driverVolumeType: string; data: Record<string, unknown> }

export type VolumeDriver = {
  readonly name: string
  /** Which guests reach a volume: those on the host where it lies, or all. */
  readonly reach: 'host' | 'everywhere'
  /**
   * Blank, or with the image's content; unconfirmed until `confirm`. Kind 'tooLarge' where the image or the store has no
   * room for it.
   */
  create(id: string, sizeGib: number, source?: VolumeSource): Promise<void>
  /** No error when it is gone. */
  delete(id: string): Promise<void>
  extend(id: string, sizeGib: number): Promise<void>
  /** How a guest on `host` reaches it: `data.path` and `data.format`. Kind 'notFound' where there is no such volume. */
  connect(id: string, host: string): Promise<VolumeConnection>
  list(): Promise<string[]>
  /** The cloud has taken the volume over: from now on only an order removes it. No error when it is gone. */
  confirm(id: string): Promise<void>
  /** Those that were made and never confirmed, over restarts: leftovers, where the cloud doesn't know them. */
  unconfirmed(): Promise<string[]>
  capacity(): Promise<{ totalGib: number; freeGib: number }>
}

export type VolumeOptions = {
  /** Where volumes lie on this host. */
  folder: string
  /** Who runs guests and so opens the volumes; ourselves when absent. */
  guestUid?: number
}
