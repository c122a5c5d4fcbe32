// Parts of segments that are in memory: what was just written, and what was read ahead of a queue's head.
// Together they keep to a budget: the oldest are let go of, after their file has what only they had.
import type { Segment } from './segment.ts'

/** Most blocks are this long, and are used again. */
export const blockBytes = 1024 * 1024
/** A message above this has a block of its own, never used again: it is sent in slices while its receivers read. */
const aloneAbove = 192 * 1024
const spareMost = 8
/** So far above the budget, publishers wait for the disk; half of it, and they go on. */
const behindBytes = 32 * 1024 * 1024

export type Block = {
  readonly segment: Segment
  /** Where in its segment it begins. */
  readonly start: number
  /** Where in its segment what it holds ends. */
  end: number
  readonly buffer: Buffer
  /** Up to where in the segment the file has it. */
  written: number
  /** A copy of a part of the file: needed by nobody else. */
  readonly copy: boolean
  /** The file is being given it. */
  spilling: boolean
}

export class BlockCache {
  bytes = 0
  /** Of them, what goes once it is written. */
  #spilling = 0
  readonly #budget: number
  readonly #spill: (block: Block) => void
  /** In the order in which they came. */
  readonly #blocks = new Set<Block>()
  readonly #spare: Buffer[] = []
  #waiting: (() => void)[] = []

  /** `spill` is to write a block that is the only copy, and then call `spilled`. */
  constructor(budget: number, spill: (block: Block) => void) {
    this.#budget = budget
    this.#spill = spill
  }

  /** Messages come faster than they can be written out. */
  get isBehind(): boolean {
    return this.bytes > this.#budget + behindBytes
  }

  whenCaughtUp(action: () => void): void {
    this.#waiting.push(action)
  }

  add(segment: Segment, start: number, size: number): Block {
    const length = size > aloneAbove ? size : blockBytes
    const buffer = (length === blockBytes ? this.#spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(length)
    const block = { segment, start, end: start, buffer, written: start, copy: false, spilling: false }
    this.#hold(block)
    return block
  }

  addCopy(segment: Segment, start: number, buffer: Buffer): Block {
    const end = start + buffer.length
    const block = { segment, start, end, buffer, written: end, copy: true, spilling: false }
    this.#hold(block)
    return block
  }

  /** The segment is gone: nobody looks into its blocks again. */
  free(segment: Segment): void {
    for (const block of segment.blocks) {
      this.#forget(block)
      if (block.copy || block.spilling || block.buffer.length !== blockBytes) continue
      if (this.#spare.length < spareMost) this.#spare.push(block.buffer)
    }
    segment.blocks.length = 0
  }

  /** Lets go of the oldest until the budget holds. Its octets stay as they are for whoever reads them just now. */
  trim(except?: Block): void {
    for (const block of this.#blocks) {
      if (this.bytes - this.#spilling <= this.#budget) return
      const { segment } = block
      if (block === except || block.spilling || block === segment.tail) continue
      if (block.written === block.end) {
        this.#forget(block)
        segment.blocks.splice(segment.blocks.indexOf(block), 1)
      } else if (!segment.durable) {
        block.spilling = true
        this.#spilling += block.buffer.length
        this.#spill(block)
      }
    }
  }

  spilled(block: Block): void {
    if (!block.spilling) return
    block.written = block.end
    block.spilling = false
    this.#spilling -= block.buffer.length
    this.trim()
  }

  #hold(block: Block): void {
    this.#blocks.add(block)
    this.bytes += block.buffer.length
    block.segment.blocks.push(block)
    // Not itself: it is empty still.
    this.trim(block)
  }

  #forget(block: Block): void {
    if (!this.#blocks.delete(block)) return
    this.bytes -= block.buffer.length
    if (this.#waiting.length === 0 || this.bytes > this.#budget + behindBytes / 2) return
    for (const action of this.#waiting.splice(0)) action()
  }
}
