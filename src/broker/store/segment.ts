// A segment: a file of messages in the order in which they came, or what will become one if memory gets short.
// For each message, by its number within the segment: where it begins, and how many queues hold it.
import type { Message } from '../core/message.ts'
import type { Acks } from './acks.ts'
import type { Block } from './block.ts'
import type { SegmentIndex } from './segment-index.ts'

export type Place = { readonly segment: Segment; readonly entry: number }

export class Segment {
  readonly number: number
  /** Its messages outlive the process. */
  readonly durable: boolean
  /** The place of its first message in the order of all. */
  readonly firstSequence: number
  /** Messages in it. */
  count = 0
  /** Octets in it. */
  end = 0
  /** Of all its messages together. */
  holders = 0
  /** Octets of messages that somebody holds. */
  heldBytes = 0
  /** Nothing is added any more. */
  sealed = false
  /** Nobody will look into it again. */
  isFreed = false
  /** Parts that are in memory. */
  readonly blocks: Block[] = []
  /** The block that is being added to. */
  tail: Block | undefined
  /** Where its last messages went, when it was not worth its room; its file is gone. */
  movedTo: Map<number, Place> | undefined
  /** Kept until its index is on disk. */
  index: SegmentIndex | undefined
  acks: Acks | undefined
  #offsets: Uint32Array
  #holders: Uint32Array

  constructor(number: number, durable: boolean, firstSequence: number, room = 64) {
    this.number = number
    this.durable = durable
    this.firstSequence = firstSequence
    this.#offsets = new Uint32Array(room)
    this.#holders = new Uint32Array(room)
  }

  /** Gives the number of the new message. */
  add(size: number, holders: number): number {
    const entry = this.count++
    if (entry === this.#offsets.length) this.#grow()
    this.#offsets[entry] = this.end
    this.#holders[entry] = holders
    this.end += size
    this.holders += holders
    if (holders > 0) this.heldBytes += size
    return entry
  }

  /** Whether nobody holds it any more. */
  release(entry: number): boolean {
    this.holders--
    const left = this.#holders[entry]! - 1
    this.#holders[entry] = left
    if (left === 0) this.heldBytes -= this.sizeOf(entry)
    return left === 0
  }

  /** Everything in it was let go of: it begins anew. Only where no file has any of it. */
  rewind(): void {
    this.count = 0
    this.end = 0
  }

  /** What is found at a start: the index has where messages begin, queues say later which they hold. */
  recover(offsets: Uint32Array, end: number): void {
    this.#offsets = offsets
    this.#holders = new Uint32Array(offsets.length)
    this.count = offsets.length
    this.end = end
  }

  hold(entry: number): void {
    this.holders++
    if (this.#holders[entry]!++ === 0) this.heldBytes += this.sizeOf(entry)
  }

  holdersOf(entry: number): number {
    return this.#holders[entry]!
  }

  offsetOf(entry: number): number {
    return this.#offsets[entry]!
  }

  sizeOf(entry: number): number {
    return (entry + 1 < this.count ? this.#offsets[entry + 1]! : this.end) - this.#offsets[entry]!
  }

  offsets(): Uint32Array {
    return this.#offsets.subarray(0, this.count)
  }

  /** The block in memory that has these octets. */
  blockAt(start: number, size: number): Block | undefined {
    const { blocks } = this
    for (let i = blocks.length - 1; i >= 0; i--) {
      const block = blocks[i]!
      if (block.start <= start && start + size <= block.end) return block
    }
    return undefined
  }

  #grow(): void {
    const grown = (old: Uint32Array) => {
      const array = new Uint32Array(old.length * 2)
      array.set(old)
      return array
    }
    this.#offsets = grown(this.#offsets)
    this.#holders = grown(this.#holders)
  }
}

/** What queues see of the store: they point to messages by segment and entry. */
export type SegmentTable = {
  /** By its number. */
  at(segment: number): Segment
  /** Undefined where the disk no longer has it as it was written; the log says so. */
  load(segment: Segment, entry: number): Message | undefined
  /** A holder is done with it; with the number of a durable queue that is recorded. */
  release(segment: Segment, entry: number, queueId: number): void
  /** A durable quorum queue got a message back from a consumer. */
  returned(segment: Segment, entry: number, queueId: number): void
  /** Where a message is now. The place that was given is no longer pointed to: whoever asks keeps the new one. */
  resolve(segment: Segment, entry: number): Place
}
