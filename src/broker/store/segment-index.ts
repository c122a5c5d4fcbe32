// What a start needs to know of each message in a segment without reading the messages: columns of numbers,
// gathered while the segment is written, and the file beside it that keeps them once it is full.
import { crc32 } from 'node:zlib'
import type { RecordFacts } from './message-record.ts'

const mark = 0x4e42_5831
const version = 1
const headBytes = 64

/** Of messages that one queue holds and nothing special is known of, all is in the columns; of others here. */
export type Special = { queueIds?: readonly number[]; moved?: RecordFacts['moved'] }

export class SegmentIndex {
  count = 0
  /** Octets of each body. */
  bodySizes: Uint32Array
  /** Milliseconds after `startedAt`. */
  ages: Uint32Array
  /** The queue that holds it; 0 where none or several do. */
  queueIds: Uint32Array
  priorities: Uint8Array
  /** Where any has one: when each expires by itself, or Infinity. */
  expiries: Float64Array | undefined
  startedAt = 0
  readonly special: Map<number, Special> = new Map()

  constructor(room = 64) {
    this.bodySizes = new Uint32Array(room)
    this.ages = new Uint32Array(room)
    this.queueIds = new Uint32Array(room)
    this.priorities = new Uint8Array(room)
  }

  add(facts: RecordFacts, bodySize: number): void {
    const at = this.count++
    if (at === this.bodySizes.length) this.#grow()
    if (at === 0) this.startedAt = facts.publishedAt
    this.bodySizes[at] = bodySize
    this.ages[at] = Math.min(Math.max(0, facts.publishedAt - this.startedAt), 0xffff_ffff)
    this.priorities[at] = facts.priority
    const { queueIds, expiresAt, moved } = facts
    if (queueIds.length === 1) this.queueIds[at] = queueIds[0]!
    if (expiresAt !== Infinity) this.expiries ??= new Float64Array(this.bodySizes.length).fill(Infinity)
    if (this.expiries) this.expiries[at] = expiresAt
    if (queueIds.length === 1 && !moved) return
    this.special.set(at, {
      ...(queueIds.length === 1 ? {} : { queueIds: [...queueIds] }),
      ...(moved ? { moved } : {}),
    })
  }

  #grow(): void {
    const room = Math.max(64, this.count * 2)
    const grown = (old: Uint32Array) => {
      const array = new Uint32Array(room)
      array.set(old)
      return array
    }
    this.bodySizes = grown(this.bodySizes)
    this.ages = grown(this.ages)
    this.queueIds = grown(this.queueIds)
    const priorities = new Uint8Array(room)
    priorities.set(this.priorities)
    this.priorities = priorities
    if (!this.expiries) return
    const expiries = new Float64Array(room).fill(Infinity)
    expiries.set(this.expiries)
    this.expiries = expiries
  }
}

/** Columns are written as the machine has them: a folder doesn't move between kinds of processors while in use. */
export function writeIndex(
  index: SegmentIndex,
  offsets: Uint32Array,
  segmentBytes: number,
  firstSequence: number,
): Buffer {
  const { count, expiries } = index
  const special = Buffer.from(JSON.stringify([...index.special]))
  const file = Buffer.alloc(headBytes + count * (expiries ? 25 : 17) + special.length)
  const head = new DataView(file.buffer, file.byteOffset, headBytes)
  head.setUint32(0, mark, true)
  head.setUint32(8, version, true)
  head.setUint32(12, count, true)
  head.setFloat64(16, segmentBytes, true)
  head.setFloat64(24, firstSequence, true)
  head.setFloat64(32, index.startedAt, true)
  head.setUint32(40, special.length, true)
  head.setUint32(44, expiries ? 1 : 0, true)
  let at = headBytes
  for (const column of [offsets, index.bodySizes, index.ages, index.queueIds, index.priorities, expiries]) {
    if (!column) continue
    const part = column.subarray(0, count)
    file.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at)
    at += part.byteLength
  }
  special.copy(file, at)
  head.setUint32(4, crc32(file.subarray(8)), true)
  return file
}

export type ReadIndex = {
  index: SegmentIndex
  offsets: Uint32Array
  segmentBytes: number
  firstSequence: number
}

/** Undefined where it isn't whole or not of this version: the segment itself tells the same. */
export function readIndex(file: Buffer): ReadIndex | undefined {
  if (file.length < headBytes) return undefined
  const head = new DataView(file.buffer, file.byteOffset, headBytes)
  const count = head.getUint32(12, true)
  const special = head.getUint32(40, true)
  const expires = head.getUint32(44, true) === 1
  const length = headBytes + count * (expires ? 25 : 17) + special
  if (head.getUint32(0, true) !== mark || head.getUint32(8, true) !== version) return undefined
  if (file.length !== length || head.getUint32(4, true) !== crc32(file.subarray(8))) return undefined
  let at = headBytes
  /** A copy: columns begin where a typed array can't. */
  const part = (octets: number) => {
    const from = file.byteOffset + at
    at += octets
    return file.buffer.slice(from, from + octets)
  }
  const column = () => new Uint32Array(part(count * 4))
  const offsets = column()
  const index = new SegmentIndex(0)
  index.count = count
  index.bodySizes = column()
  index.ages = column()
  index.queueIds = column()
  index.priorities = new Uint8Array(part(count))
  if (expires) index.expiries = new Float64Array(part(count * 8))
  index.startedAt = head.getFloat64(32, true)
  const pairs = JSON.parse(file.toString('utf8', at)) as [number, Special][]
  for (const [entry, each] of pairs) index.special.set(entry, each)
  return {
    index,
    offsets,
    segmentBytes: head.getFloat64(16, true),
    firstSequence: head.getFloat64(24, true),
  }
}
