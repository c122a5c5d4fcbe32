// The ready messages of a queue, or of one priority of it, in order: positions in segments, in chunks of typed arrays.
// What consumers gave back comes first: it was taken before everything that never was.
import type { Segment, SegmentTable } from '../store/segment.ts'
import { Entry } from './entry.ts'

const chunkLeast = 16
const chunkMost = 4096
const flag = { redelivered: 1, persistent: 2 } as const

type Chunk = {
  start: number
  end: number
  /** The position of what would be at index 0. */
  base: number
  readonly segments: Uint32Array
  readonly entries: Uint32Array
  readonly bodySizes: Uint32Array
  readonly flags: Uint8Array
  /** Only where any of them expires. */
  expiries: Float64Array | undefined
  next: Chunk | undefined
}

export class Backlog {
  length = 0
  /** Octets of bodies. */
  bytes = 0
  persistentLength = 0
  persistentBytes = 0
  readonly priority: number
  readonly #segments: SegmentTable
  #head: Chunk | undefined
  #tail: Chunk | undefined
  /** Those given back: a binary heap by position. */
  readonly #returned: Entry[] = []
  #position = 0
  /** How often each that a start found was given back; only those that were. */
  #returns: Map<number, number> | undefined

  constructor(segments: SegmentTable, priority: number) {
    this.#segments = segments
    this.priority = priority
  }

  /** For a message that is handed on without having waited. */
  nextPosition(): number {
    return this.#position++
  }

  push(
    segment: Segment,
    entry: number,
    bodySize: number,
    persistent: boolean,
    expiresAt: number,
    redelivered: boolean,
    returns = 0,
  ): void {
    const chunk = this.#roomAtTail()
    const at = chunk.end++
    chunk.segments[at] = segment.number
    chunk.entries[at] = entry
    chunk.bodySizes[at] = bodySize
    chunk.flags[at] = (redelivered ? flag.redelivered : 0) | (persistent ? flag.persistent : 0)
    if (expiresAt !== Infinity) chunk.expiries ??= new Float64Array(chunk.segments.length).fill(Infinity)
    if (chunk.expiries) chunk.expiries[at] = expiresAt
    if (returns > 0) {
      this.#returns ??= new Map()
      this.#returns.set(this.#position, returns)
    }
    this.#position++
    this.#count(1, bodySize, persistent)
  }

  /** When the first expires. */
  get expiresAt(): number {
    if (this.#returned.length > 0) return this.#returned[0]!.expiresAt
    const chunk = this.#head
    return chunk && chunk.start < chunk.end && chunk.expiries ? chunk.expiries[chunk.start]! : Infinity
  }

  shift(): Entry | undefined {
    if (this.length === 0) return undefined
    const entry = this.#returned.length > 0 ? this.#popReturned() : this.#shiftChunk()
    this.#count(-1, entry.bodySize, entry.persistent)
    entry.resolve()
    return entry
  }

  giveBack(entry: Entry): void {
    entry.resolve()
    const heap = this.#returned
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const above = (at - 1) >> 1
      if (heap[above]!.position <= entry.position) break
      heap[at] = heap[above]!
      at = above
    }
    heap[at] = entry
    this.#count(1, entry.bodySize, entry.persistent)
  }

  /** Empties it: `each` is told where every message is. */
  drain(each: (segment: Segment, entry: number) => void): void {
    for (const { segment, number } of this.#returned.splice(0)) each(segment!, number)
    for (let chunk = this.#head; chunk; chunk = chunk.next)
      for (let at = chunk.start; at < chunk.end; at++)
        each(this.#segments.at(chunk.segments[at]!), chunk.entries[at]!)
    this.#head = undefined
    this.#tail = undefined
    this.#returns = undefined
    this.length = 0
    this.bytes = 0
    this.persistentLength = 0
    this.persistentBytes = 0
  }

  #shiftChunk(): Entry {
    const chunk = this.#head!
    const at = chunk.start++
    const flags = chunk.flags[at]!
    const position = chunk.base + at
    const entry = new Entry(this.#segments, this.#segments.at(chunk.segments[at]!), chunk.entries[at]!, {
      position,
      bodySize: chunk.bodySizes[at]!,
      persistent: (flags & flag.persistent) !== 0,
      priority: this.priority,
      expiresAt: chunk.expiries ? chunk.expiries[at]! : Infinity,
      redelivered: (flags & flag.redelivered) !== 0,
    })
    if (this.#returns) entry.returns = this.#returns.get(position) ?? 0
    if (chunk.start === chunk.end && chunk.next) this.#head = chunk.next
    return entry
  }

  #popReturned(): Entry {
    const heap = this.#returned
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let at = 0
    for (;;) {
      let below = at * 2 + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && heap[below + 1]!.position < heap[below]!.position) below++
      if (heap[below]!.position >= last.position) break
      heap[at] = heap[below]!
      at = below
    }
    heap[at] = last
    return first
  }

  #roomAtTail(): Chunk {
    const tail = this.#tail
    if (tail && tail.start === tail.end) {
      // Empty: it begins anew. Positions went on without it where messages didn't wait.
      tail.start = 0
      tail.end = 0
      tail.base = this.#position
      tail.expiries = undefined
      return tail
    }
    if (tail && tail.end < tail.segments.length) return tail
    const size = tail ? Math.min(tail.segments.length * 2, chunkMost) : chunkLeast
    const chunk: Chunk = {
      start: 0,
      end: 0,
      base: this.#position,
      segments: new Uint32Array(size),
      entries: new Uint32Array(size),
      bodySizes: new Uint32Array(size),
      flags: new Uint8Array(size),
      expiries: undefined,
      next: undefined,
    }
    if (tail) tail.next = chunk
    else this.#head = chunk
    this.#tail = chunk
    return chunk
  }

  #count(sign: 1 | -1, bodySize: number, persistent: boolean): void {
    this.length += sign
    this.bytes += sign * bodySize
    if (!persistent) return
    this.persistentLength += sign
    this.persistentBytes += sign * bodySize
  }
}
