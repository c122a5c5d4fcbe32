// Blocks of messages that don't outlive the process, written out because memory is short: NNNN.passing, a file for each
// segment, gone with it. Not synced, and beside the loop that confirms wait for.
import type { Block } from './block.ts'
import type { Disk } from './disk.ts'
import type { Segment } from './segment.ts'
import { segmentPath } from './segment-path.ts'

export class Spiller {
  readonly #disk: Disk
  readonly #written: (block: Block) => void
  readonly #waiting = new Map<Segment, Block[]>()
  /** Segments that have a file, or are being given one. */
  readonly #filed = new Set<Segment>()
  #running: Promise<void> | undefined
  #closed = false

  /** `written` is told of each block, also of one that nobody needed any more. */
  constructor(disk: Disk, written: (block: Block) => void) {
    this.#disk = disk
    this.#written = written
  }

  add(block: Block): void {
    const blocks = this.#waiting.get(block.segment)
    if (blocks) blocks.push(block)
    else this.#waiting.set(block.segment, [block])
    this.#run()
  }

  /** Nobody holds any of it. */
  free(segment: Segment): void {
    if (this.#waiting.has(segment) || this.#filed.has(segment)) this.#run()
  }

  /** Nothing of it is of use to another process. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
    for (const segment of this.#filed) await this.#remove(segment)
  }

  #run(): void {
    if (this.#running || this.#closed) return
    const end = this.#disk.world.activity.begin()
    this.#running = this.#work()
      .catch((error: unknown) =>
        this.#disk.log.error({ error }, 'messages could not be written out of memory'),
      )
      .finally(() => {
        this.#running = undefined
        end()
      })
  }

  async #work(): Promise<void> {
    for (const segment of this.#filed) if (segment.isFreed) await this.#remove(segment)
    for (const [segment, blocks] of this.#waiting) {
      this.#waiting.delete(segment)
      if (!segment.isFreed) await this.#disk.insist(() => this.#write(segment, blocks))
      for (const block of blocks) this.#written(block)
      if (segment.isFreed) await this.#remove(segment)
      if (this.#closed) return
    }
  }

  async #write(segment: Segment, blocks: readonly Block[]): Promise<void> {
    const path = segmentPath(this.#disk, segment.number, 'passing')
    const file = await this.#disk.world.files.open(path, this.#filed.has(segment) ? 'r+' : 'w')
    this.#filed.add(segment)
    try {
      for (const { buffer, start, end } of blocks)
        await this.#disk.writeAt(file, buffer.subarray(0, end - start), start)
    } finally {
      await file.close()
    }
  }

  async #remove(segment: Segment): Promise<void> {
    if (!this.#filed.delete(segment)) return
    await this.#disk.world.files.remove(segmentPath(this.#disk, segment.number, 'passing'))
  }
}
