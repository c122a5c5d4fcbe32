// Records of the message log: length, checksum, type, then what the type says. A torn tail fails its checksum.
import { crc32 } from 'node:zlib'
import { Cursor } from '#kit/amqp/cursor.ts'
import type { Writer } from '#kit/amqp/writer.ts'
import { Message } from '../core/message.ts'

const entryType = { message: 1, forgotten: 2, change: 3 } as const
const headSize = 8

export type LogEntry =
  | { type: 'message'; storeId: number; queueIds: number[]; message: Message; size: number }
  | { type: 'forgotten'; storeId: number; queueId: number }
  | { type: 'change'; octets: Buffer }

export function writeMessageEntry(
  writer: Writer,
  storeId: number,
  queueIds: Iterable<number>,
  message: Message,
): number {
  return framed(writer, entryType.message, () => {
    const ids = [...queueIds]
    writer.longlong(storeId)
    writer.long(ids.length)
    for (const id of ids) writer.long(id)
    writer.bytes(message.address)
    writer.longlong(message.content.bodySize)
    writer.long(message.content.largestFrame)
    writer.bytes(message.content.frames)
  })
}

export function writeForgottenEntry(writer: Writer, storeId: number, queueId: number): number {
  return framed(writer, entryType.forgotten, () => {
    writer.longlong(storeId)
    writer.long(queueId)
  })
}

export function writeChangeEntry(writer: Writer, write: () => void): number {
  return framed(writer, entryType.change, write)
}

/** Octets written. */
function framed(writer: Writer, type: number, body: () => void): number {
  const start = writer.at
  writer.long(0)
  writer.long(0)
  writer.octet(type)
  body()
  const payload = start + headSize
  writer.buffer.writeUInt32BE(writer.at - payload, start)
  writer.buffer.writeUInt32BE(crc32(writer.buffer.subarray(payload, writer.at)), start + 4)
  return writer.at - start
}

/** Gives each whole record to `found`; the result is where the first that isn't whole begins. */
export function readEntries(file: Buffer, found: (entry: LogEntry) => void): number {
  let at = 0
  while (file.length - at >= headSize) {
    const start = at + headSize
    const end = start + file.readUInt32BE(at)
    if (end > file.length || end === start) break
    if (crc32(file.subarray(start, end)) !== file.readUInt32BE(at + 4)) break
    found(readEntry(new Cursor(file, start, end), end - at))
    at = end
  }
  return at
}

function readEntry(cursor: Cursor, size: number): LogEntry {
  const type = cursor.octet()
  const { buffer, end } = cursor
  if (type === entryType.change) return { type: 'change', octets: buffer.subarray(cursor.at, end) }
  const storeId = cursor.longlong()
  if (type === entryType.forgotten) return { type: 'forgotten', storeId, queueId: cursor.long() }
  const queueIds = Array.from({ length: cursor.long() }, () => cursor.long())
  const addressAt = cursor.at
  const exchange = cursor.shortstr()
  const routingKey = cursor.shortstr()
  const address = buffer.subarray(addressAt, cursor.at)
  const bodySize = cursor.longlong()
  const largestFrame = cursor.long()
  const frames = buffer.subarray(cursor.at, end)
  const message = new Message(exchange, routingKey, address, { frames, bodySize, largestFrame })
  message.storeId = storeId
  return { type: 'message', storeId, queueIds, message, size }
}
