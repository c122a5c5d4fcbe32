// The properties of a message: a word of flags, then the fields that it names.
import { Cursor } from './cursor.ts'
import { syntaxError } from './error.ts'
import { checkTable, editTable, readTable, type Table, writeTable } from './table.ts'
import type { Writer } from './writer.ts'

export type Properties = {
  contentType?: string
  contentEncoding?: string
  headers?: Table
  /** 2 is persistent. */
  deliveryMode?: number
  priority?: number
  correlationId?: string
  replyTo?: string
  /** Milliseconds as decimal text. */
  expiration?: string
  messageId?: string
  /** Seconds since the epoch; a bigint beyond 2^53. */
  timestamp?: number | bigint
  type?: string
  userId?: string
  appId?: string
  clusterId?: string
}

/** In wire order; the first has the highest bit. */
const layout = [
  ['contentType', 'shortstr'],
  ['contentEncoding', 'shortstr'],
  ['headers', 'table'],
  ['deliveryMode', 'octet'],
  ['priority', 'octet'],
  ['correlationId', 'shortstr'],
  ['replyTo', 'shortstr'],
  ['expiration', 'shortstr'],
  ['messageId', 'shortstr'],
  ['timestamp', 'timestamp'],
  ['type', 'shortstr'],
  ['userId', 'shortstr'],
  ['appId', 'shortstr'],
  ['clusterId', 'shortstr'],
] as const satisfies readonly (readonly [keyof Properties, string])[]

export const propertyFlag = {
  headers: 1 << 13,
  deliveryMode: 1 << 12,
  priority: 1 << 11,
  replyTo: 1 << 9,
  expiration: 1 << 8,
  userId: 1 << 4,
} as const

export function readProperties(buffer: Buffer, start: number, end: number): Properties {
  const cursor = new Cursor(buffer, start, end)
  const flags = cursor.short()
  if (flags & 1) throw syntaxError('a message has property flags that nobody defined')
  const properties: Record<string, unknown> = {}
  for (const [index, [name, type]] of layout.entries()) {
    if ((flags & (1 << (15 - index))) === 0) continue
    properties[name] = type === 'table' ? readTable(cursor) : cursor[type]()
  }
  return properties as Properties
}

export function writeProperties(writer: Writer, properties: Properties): void {
  const flagsAt = writer.at
  writer.short(0)
  let flags = 0
  for (const [index, [name, type]] of layout.entries()) {
    const value = properties[name]
    if (value === undefined) continue
    flags |= 1 << (15 - index)
    if (type === 'table') writeTable(writer, value as Table)
    else if (type === 'shortstr') writer.shortstr(value as string)
    else if (type === 'timestamp') writer.timestamp(value as number | bigint)
    else writer[type](value as number)
  }
  writer.buffer.writeUInt16BE(flags, flagsAt)
}

/** Whether all that the flags name is there and sound, so that whoever reads it later can. Throws 502. Makes nothing. */
export function checkProperties(buffer: Buffer, start: number, end: number): void {
  if (end - start < 2) throw syntaxError('a message has properties cut short')
  const flags = buffer.readUInt16BE(start)
  // Nothing named, or the delivery mode alone, is what most senders of many messages send.
  if (flags === 0 && end === start + 2) return
  if (flags === propertyFlag.deliveryMode && end === start + 3) return
  if (flags & 3) throw syntaxError('a message has property flags that nobody defined')
  const cursor = new Cursor(buffer, start + 2, end)
  for (let index = 0; index < layout.length; index++) {
    if ((flags & (1 << (15 - index))) === 0) continue
    skip(cursor, layout[index]![1])
  }
  if (cursor.at !== end) throw syntaxError('a message has more properties than its flags name')
}

export type PropertyEdit = {
  /** As `editTable` takes them. */
  headers?: Table
  replyTo?: string
  /** Undefined takes it away. */
  expiration?: undefined
}

/** Writes the properties of `buffer[start, end)` again with some changed; all others octet by octet. They must be sound. */
export function editProperties(
  writer: Writer,
  buffer: Buffer,
  start: number,
  end: number,
  edit: PropertyEdit,
): void {
  const cursor = new Cursor(buffer, start, end)
  const old = cursor.short()
  const flagsAt = writer.at
  writer.short(0)
  let flags = 0
  for (const [index, [name, type]] of layout.entries()) {
    const flag = 1 << (15 - index)
    const from = cursor.at
    const { headers } = edit
    if (name === 'headers' && headers) {
      if (old & flag) editTable(writer, cursor, headers)
      else writeTable(writer, headers)
      flags |= flag
      continue
    }
    if (old & flag) skip(cursor, type)
    if (name in edit) {
      const value = edit[name as keyof PropertyEdit]
      if (value === undefined) continue
      writer.shortstr(value as string)
    } else if (old & flag) writer.bytes(buffer.subarray(from, cursor.at))
    else continue
    flags |= flag
  }
  writer.buffer.writeUInt16BE(flags, flagsAt)
}

function skip(cursor: Cursor, type: (typeof layout)[number][1]): void {
  if (type === 'shortstr') cursor.take(cursor.octet())
  else if (type === 'table') checkTable(cursor)
  else cursor[type]()
}

/** The delivery mode without reading anything else: it is asked of every message. */
export function readDeliveryMode(buffer: Buffer, start: number, end: number): number {
  const flags = buffer.readUInt16BE(start)
  if ((flags & propertyFlag.deliveryMode) === 0) return 1
  return octetAt(buffer, afterHeaders(buffer, start, end, flags), end)
}

/** The priority likewise; 0 where there is none. */
export function readPriority(buffer: Buffer, start: number, end: number): number {
  const flags = buffer.readUInt16BE(start)
  if ((flags & propertyFlag.priority) === 0) return 0
  const at = afterHeaders(buffer, start, end, flags)
  return octetAt(buffer, flags & propertyFlag.deliveryMode ? at + 1 : at, end)
}

function afterHeaders(buffer: Buffer, start: number, end: number, flags: number): number {
  let at = start + 2
  if (flags & (1 << 15)) at += 1 + (buffer[at] ?? 0)
  if (flags & (1 << 14)) at += 1 + (buffer[at] ?? 0)
  if ((flags & propertyFlag.headers) === 0) return at
  if (at + 4 > end) throw syntaxError('a message has properties cut short')
  return at + 4 + buffer.readUInt32BE(at)
}

function octetAt(buffer: Buffer, at: number, end: number): number {
  if (at >= end) throw syntaxError('a message has properties cut short')
  return buffer[at]!
}
