// The store's folder: writing that goes on until it works, and telling when it doesn't.
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'
import type { OpenFile, World } from '#kit/world/world.ts'

/** How long a failed write waits before it is tried again: the disk may have room by then. */
const retryMs = 1000

export type DiskOptions = {
  world: World
  log: Log
  folder: string
  /** Writing fails, or with undefined, works again. Publishers wait for their confirms meanwhile. */
  onTrouble?: (error: Error | undefined) => void
  /** Octets of a segment that is full; the default is 16 MB. */
  segmentBytes?: number
  /** Octets of messages in memory, beyond which the oldest are only in their files; the default is 64 MB. */
  memoryBytes?: number
}

export class Disk {
  readonly world: World
  readonly log: Log
  readonly folder: string
  /** A failed write is tried no more: the broker ends. */
  closing = false
  readonly #onTrouble: (error: Error | undefined) => void
  #failing = 0

  constructor({ world, log, folder, onTrouble = () => {} }: DiskOptions) {
    this.world = world
    this.log = log
    this.folder = folder
    this.#onTrouble = onTrouble
  }

  path(name: string): string {
    return `${this.folder}/${name}`
  }

  /** Until it works: confirms wait meanwhile, so nothing is promised that isn't on disk. */
  async insist<T>(work: () => Promise<T>): Promise<T> {
    let failed = false
    for (;;) {
      try {
        const result = await work()
        if (failed && --this.#failing === 0) {
          this.log.warn({ folder: this.folder }, 'the broker can write its messages again')
          this.#onTrouble(undefined)
        }
        return result
      } catch (error) {
        if (this.closing) throw error
        if (!failed && this.#failing++ === 0) {
          this.log.error(
            { folder: this.folder, error: fullMessage(error) },
            'the broker cannot write its messages; publishers wait',
          )
          this.#onTrouble(error instanceof Error ? error : new CloudError('unavailable', String(error)))
        }
        failed = true
        await this.world.timers.sleep(retryMs)
      }
    }
  }

  async writeAt(file: OpenFile, octets: Buffer, position: number): Promise<void> {
    for (let at = 0; at < octets.length; )
      at += await file.write(octets, at, octets.length - at, position + at)
  }
}
