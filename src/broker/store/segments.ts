// All segments: messages are added to the last one, of those that outlive the process or of the others; queues point
// into them, and a segment goes when nobody holds any of its messages. Knows no file: whoever owns it does.
import type { Clock } from '#kit/world/world.ts'
import type { Message } from '../core/message.ts'
import { type Acks, newAcks, writeAck, writeReturned } from './acks.ts'
import { type Block, BlockCache, blockBytes } from './block.ts'
import {
  type RecordBody,
  type RecordFacts,
  readMessage,
  recordSize,
  segmentHeadBytes,
  sumAgrees,
  writeHead,
  writeRecord,
} from './message-record.ts'
import { type Place, Segment, type SegmentTable } from './segment.ts'
import { SegmentIndex } from './segment-index.ts'

/** Of a durable one that is full. */
const defaultSegmentBytes = 16 * 1024 * 1024
/** The others are no files to begin with, and smaller: each is what is let go of together. */
const passingBytes = 4 * 1024 * 1024
/** A queue that goes on reading finds its next messages in what was read with this one. */
const readAheadBytes = 256 * 1024

export type SegmentOwner = {
  readonly clock: Clock
  /** Reads a part of a segment's file; gives how much of it there was. */
  read(segment: Segment, position: number, buffer: Buffer): number
  /** A durable segment has something that its file hasn't. */
  dirty(segment: Segment): void
  /** A segment has acknowledgements that their file hasn't. */
  acked(segment: Segment): void
  /** It is full. */
  sealed(segment: Segment): void
  /** Nothing more is added to it, and it holds little. */
  sparse(segment: Segment): void
  /** Nobody holds any of it. */
  freed(segment: Segment): void
  /** Memory is short: the block is to be written, then `cache.spilled`. */
  spill(block: Block): void
  /** A message is not what was written. */
  damaged(segment: Segment, entry: number): void
}

export class Segments implements SegmentTable {
  readonly cache: BlockCache
  readonly segmentBytes: number
  lastNumber = 0
  /** Of the next message in the order of all durable ones. */
  sequence = 0
  readonly #owner: SegmentOwner
  readonly #byNumber = new Map<number, Segment>()
  #durable: Segment | undefined
  #passing: Segment | undefined

  constructor(owner: SegmentOwner, memoryBudget: number, segmentBytes: number = defaultSegmentBytes) {
    this.#owner = owner
    this.segmentBytes = segmentBytes
    this.cache = new BlockCache(memoryBudget, (block) => owner.spill(block))
  }

  at(number: number): Segment {
    return this.#byNumber.get(number)!
  }

  [Symbol.iterator](): Iterator<Segment> {
    return this.#byNumber.values()
  }

  /** One found at a start. */
  adopt(segment: Segment): void {
    this.#byNumber.set(segment.number, segment)
    this.lastNumber = Math.max(this.lastNumber, segment.number)
    this.sequence = Math.max(this.sequence, segment.firstSequence + segment.count)
  }

  /** Puts a message where `holders` queues can point to it; of them, `queueIds` outlive the process and so does it. */
  place(message: Message, holders: number, queueIds: readonly number[]): void {
    const { content, address, expirationMs } = message
    const publishedAt = this.#owner.clock.now()
    const facts = {
      queueIds,
      priority: message.has('priority') ? message.priority : 0,
      publishedAt,
      expiresAt: expirationMs === undefined ? Infinity : publishedAt + expirationMs,
    }
    const { frames, bodySize, largestFrame } = content
    const body = { address, frames, bodySize, largestFrame }
    const segment = this.#last(queueIds.length > 0)
    message.entry = this.#append(segment, facts, body, holders)
    message.segment = segment
  }

  /** Puts it on the end of the last segment, with the holders that it had. */
  move(from: Segment, entry: number, facts: RecordFacts, body: RecordBody): Place {
    const segment = this.#last(from.durable)
    return { segment, entry: this.#append(segment, facts, body, from.holdersOf(entry)) }
  }

  load(segment: Segment, entry: number): Message | undefined {
    if (segment.movedTo) {
      const { segment: next, entry: there } = segment.movedTo.get(entry)!
      return this.load(next, there)
    }
    const block = this.blockOf(segment, entry)
    if (!block) return undefined
    return readMessage(block.buffer, segment.offsetOf(entry) - block.start, segment.sizeOf(entry))
  }

  /** The block in memory that has the message, read from the file if need be; undefined where it is damaged. */
  blockOf(segment: Segment, entry: number): Block | undefined {
    const [start, size] = [segment.offsetOf(entry), segment.sizeOf(entry)]
    const block = segment.blockAt(start, size) ?? this.#readAhead(segment, start, size)
    // What has never left memory needs no proof.
    if (block && (!block.copy || !segment.durable || sumAgrees(block.buffer, start - block.start, size)))
      return block
    this.#owner.damaged(segment, entry)
    return undefined
  }

  resolve(segment: Segment, entry: number): Place {
    const next = segment.movedTo?.get(entry)
    if (!next) return { segment, entry }
    if (--segment.holders === 0) this.#byNumber.delete(segment.number)
    return this.resolve(next.segment, next.entry)
  }

  release(given: Segment, entryGiven: number, queueId: number): void {
    let [segment, entry] = [given, entryGiven]
    if (segment.movedTo) ({ segment, entry } = this.resolve(segment, entry))
    const gone = segment.release(entry)
    if (queueId > 0 && segment.durable) {
      writeAck(this.acksOf(segment), entry, queueId)
      this.#owner.acked(segment)
    }
    if (segment.holders > 0) {
      if (gone && segment.sealed) this.watchSparse(segment)
    } else if (segment.sealed) this.free(segment)
    else if (!segment.durable) this.#rewind(segment)
  }

  returned(segment: Segment, entry: number, queueId: number): void {
    if (!segment.durable || queueId === 0) return
    writeReturned(this.acksOf(segment), entry, queueId)
    this.#owner.acked(segment)
  }

  acksOf(segment: Segment): Acks {
    segment.acks ??= newAcks()
    return segment.acks
  }

  free(segment: Segment): void {
    segment.isFreed = true
    if (!segment.movedTo) this.#byNumber.delete(segment.number)
    if (!segment.durable || segment.blocks.every((block) => block.written === block.end))
      this.cache.free(segment)
    this.#owner.freed(segment)
  }

  seal(segment: Segment): void {
    segment.sealed = true
    segment.tail = undefined
    if (segment === this.#durable) this.#durable = undefined
    if (segment === this.#passing) this.#passing = undefined
    this.#owner.sealed(segment)
    if (segment.holders === 0) this.free(segment)
    else this.watchSparse(segment)
  }

  /** Little of a full one, or of a small one that a start has closed. */
  watchSparse(segment: Segment): void {
    if (segment.heldBytes < this.#full(segment.durable) / 4) this.#owner.sparse(segment)
  }

  #full(durable: boolean): number {
    return durable ? this.segmentBytes : Math.min(passingBytes, this.segmentBytes)
  }

  #append(segment: Segment, facts: RecordFacts, body: RecordBody, holders: number): number {
    const size = recordSize(facts, body)
    const block = this.#roomFor(segment, size)
    writeRecord(block.buffer, block.end - block.start, size, facts, body, segment.durable)
    block.end += size
    // One that is alone in its block needs no more room there, and may leave memory.
    if (block.buffer.length > blockBytes) segment.tail = undefined
    const entry = segment.add(size, holders)
    if (segment.durable) {
      this.sequence++
      segment.index!.add(facts, body.bodySize)
      this.#owner.dirty(segment)
    }
    return entry
  }

  #roomFor(segment: Segment, size: number): Block {
    const { tail } = segment
    if (tail && tail.end - tail.start + size <= tail.buffer.length) return tail
    segment.tail = undefined
    segment.tail = this.cache.add(segment, segment.end, size)
    return segment.tail
  }

  #last(durable: boolean): Segment {
    let segment = durable ? this.#durable : this.#passing
    if (segment && segment.end >= this.#full(durable)) {
      this.seal(segment)
      segment = undefined
    }
    if (segment) return segment
    segment = new Segment(++this.lastNumber, durable, this.sequence)
    this.#byNumber.set(segment.number, segment)
    if (durable) this.#begin(segment)
    if (durable) this.#durable = segment
    else this.#passing = segment
    return segment
  }

  #begin(segment: Segment): void {
    segment.index = new SegmentIndex()
    const block = this.cache.add(segment, 0, segmentHeadBytes)
    writeHead(block.buffer, segment.firstSequence)
    block.end = segmentHeadBytes
    segment.end = segmentHeadBytes
    segment.tail = block
  }

  #readAhead(segment: Segment, start: number, size: number): Block | undefined {
    const length = Math.min(Math.max(size, readAheadBytes), segment.end - start)
    // What the file hasn't yet is in memory, and is looked for there.
    let most = length
    for (const block of segment.blocks)
      if (block.written < block.end && block.written > start) most = Math.min(most, block.written - start)
    const buffer = Buffer.allocUnsafeSlow(most)
    const got = this.#owner.read(segment, start, buffer)
    return got < size ? undefined : this.cache.addCopy(segment, start, buffer.subarray(0, got))
  }

  /** Nobody holds any of it: its memory is used again while it is warm. Not where a file has some of it. */
  #rewind(segment: Segment): void {
    const { blocks, tail } = segment
    const isFresh = tail?.start === 0 && tail.written === 0 && !tail.spilling
    if (blocks.length === 1 && isFresh && tail.buffer.length === blockBytes) {
      tail.end = 0
      segment.rewind()
    } else this.seal(segment)
  }
}
