// A message as it lies in a segment: a head of fixed size, what only some messages have, the queues that hold it,
// its address and its frames. Octets 0-3 are the length after the first eight, 4-7 the checksum of what it covers.
import { crc32 } from 'node:zlib'
import { Message } from '../core/message.ts'

const checked = 8
const headSize = 32
const flag = { expires: 1, moved: 2 } as const

/** A segment begins with a mark, the version of all this, and the place of its first message in the order of all. */
export const segmentHeadBytes = 16
const mark = 0x4e42_5331
const version = 1

export function writeHead(buffer: Buffer, firstSequence: number): void {
  buffer.writeUInt32BE(mark, 0)
  buffer.writeUInt32BE(version, 4)
  buffer.writeDoubleBE(firstSequence, 8)
}

/** Undefined where it is none of ours, or cut short. */
export function readHead(buffer: Buffer): number | undefined {
  if (buffer.length < segmentHeadBytes || buffer.readUInt32BE(0) !== mark) return undefined
  return buffer.readUInt32BE(4) === version ? buffer.readDoubleBE(8) : undefined
}

/** What is known of a message besides its octets. Times are milliseconds since the epoch. */
export type RecordFacts = {
  /** Durable queues that hold it; nobody else finds it again at a start. */
  queueIds: readonly number[]
  priority: number
  publishedAt: number
  /** By its own expiration; Infinity where it has none. */
  expiresAt: number
  /** Of a message that was moved on from another segment: its old place in the order of all, and on disk. */
  moved?: { sequence: number; segment: number; entry: number }
}

export type RecordBody = { address: Buffer; frames: Buffer; bodySize: number; largestFrame: number }

export function recordSize(facts: RecordFacts, body: RecordBody): number {
  return (
    headSize +
    (facts.expiresAt === Infinity ? 0 : 8) +
    (facts.moved ? 16 : 0) +
    facts.queueIds.length * 4 +
    body.address.length +
    body.frames.length
  )
}

/** `size` is that of `recordSize`; the checksum costs, so messages that don't outlive the process go without. */
export function writeRecord(
  buffer: Buffer,
  start: number,
  size: number,
  facts: RecordFacts,
  body: RecordBody,
  sum: boolean,
): void {
  const { expiresAt, moved, queueIds } = facts
  buffer.writeUInt32BE(size - checked, start)
  buffer[start + 8] = (expiresAt === Infinity ? 0 : flag.expires) | (moved ? flag.moved : 0)
  buffer[start + 9] = facts.priority
  buffer.writeUInt16BE(body.address.length, start + 10)
  buffer.writeUInt32BE(body.bodySize, start + 12)
  buffer.writeUInt32BE(body.largestFrame, start + 16)
  buffer.writeUInt32BE(queueIds.length, start + 20)
  let at = buffer.writeDoubleBE(facts.publishedAt, start + 24)
  if (expiresAt !== Infinity) at = buffer.writeDoubleBE(expiresAt, at)
  if (moved) {
    at = buffer.writeDoubleBE(moved.sequence, at)
    at = buffer.writeUInt32BE(moved.segment, at)
    at = buffer.writeUInt32BE(moved.entry, at)
  }
  for (const id of queueIds) at = buffer.writeUInt32BE(id, at)
  buffer.set(body.address, at)
  buffer.set(body.frames, at + body.address.length)
  const crc = sum ? crc32(buffer.subarray(start + checked, start + size)) : 0
  buffer.writeUInt32BE(crc, start + 4)
}

/** The size of the record at `start`; 0 where there is no whole one before `end`. */
export function wholeRecord(buffer: Buffer, start: number, end: number): number {
  if (end - start < headSize) return 0
  const size = buffer.readUInt32BE(start) + checked
  return size >= headSize && start + size <= end && sumAgrees(buffer, start, size) ? size : 0
}

export function sumAgrees(buffer: Buffer, start: number, size: number): boolean {
  if (buffer.readUInt32BE(start) !== size - checked) return false
  return crc32(buffer.subarray(start + checked, start + size)) === buffer.readUInt32BE(start + 4)
}

export function readFacts(buffer: Buffer, start: number): RecordFacts {
  const flags = buffer[start + 8]!
  let at = start + headSize
  let expiresAt = Infinity
  if (flags & flag.expires) {
    expiresAt = buffer.readDoubleBE(at)
    at += 8
  }
  let moved: RecordFacts['moved']
  if (flags & flag.moved) {
    const [segment, entry] = [buffer.readUInt32BE(at + 8), buffer.readUInt32BE(at + 12)]
    moved = { sequence: buffer.readDoubleBE(at), segment, entry }
    at += 16
  }
  const queueIds: number[] = []
  for (let left = buffer.readUInt32BE(start + 20); left > 0; left--, at += 4)
    queueIds.push(buffer.readUInt32BE(at))
  return {
    queueIds,
    priority: buffer[start + 9]!,
    publishedAt: buffer.readDoubleBE(start + 24),
    expiresAt,
    moved,
  }
}

/** Parts of `buffer`, not copies. */
export function readBody(buffer: Buffer, start: number, size: number): RecordBody {
  const flags = buffer[start + 8]!
  const addressAt =
    start +
    headSize +
    (flags & flag.expires ? 8 : 0) +
    (flags & flag.moved ? 16 : 0) +
    buffer.readUInt32BE(start + 20) * 4
  const framesAt = addressAt + buffer.readUInt16BE(start + 10)
  return {
    address: buffer.subarray(addressAt, framesAt),
    frames: buffer.subarray(framesAt, start + size),
    bodySize: buffer.readUInt32BE(start + 12),
    largestFrame: buffer.readUInt32BE(start + 16),
  }
}

export function readMessage(buffer: Buffer, start: number, size: number): Message {
  const { address, ...content } = readBody(buffer, start, size)
  return new Message(undefined, undefined, address, content)
}
