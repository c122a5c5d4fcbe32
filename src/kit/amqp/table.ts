// Field tables, with all types that RabbitMQ knows. https://www.rabbitmq.com/amqp-0-9-1-errata#section_3
import { isUtf8 } from 'node:buffer'
import type { Cursor } from './cursor.ts'
import { syntaxError } from './error.ts'
import type { Writer } from './writer.ts'

/** Seconds since the epoch; a bigint beyond 2^53. */
export class Timestamp {
  readonly seconds: number | bigint
  constructor(seconds: number | bigint) {
    this.seconds = seconds
  }
}

/** `value` divided by ten to the power of `scale`. */
export class Decimal {
  readonly scale: number
  readonly value: number
  constructor(scale: number, value: number) {
    this.scale = scale
    this.value = value
  }
}

/** Forces a number's type on the wire: 'b' int8, 'B' uint8, 's' int16, 'u' uint16, 'i' uint32, 'l' int64, 'f' float, 'd' double. */
export class Typed {
  readonly type: 'b' | 'B' | 's' | 'u' | 'I' | 'i' | 'l' | 'f' | 'd'
  readonly value: number | bigint
  constructor(type: Typed['type'], value: number | bigint) {
    this.type = type
    this.value = value
  }
}

export type FieldValue =
  | boolean
  | number
  | bigint // beyond 2^53
  | string
  | Buffer
  | null
  | undefined // left out
  | Timestamp
  | Decimal
  | Typed
  | FieldValue[]
  | Table

export type Table = { [name: string]: FieldValue }

/** Deeper nesting than any client sends; it bounds the stack. */
const deepest = 32

export function readTable(cursor: Cursor, depth = 0): Table {
  const end = endOf(cursor, depth)
  const table: Table = {}
  while (cursor.at < end) {
    const name = cursor.shortstr()
    const value = readValue(cursor, depth)
    // Defined, not assigned: a key `__proto__` from the wire is a key like any other.
    Object.defineProperty(table, name, { value, enumerable: true, writable: true, configurable: true })
  }
  if (cursor.at !== end) throw syntaxError('a field table goes past its own length')
  return table
}

function endOf(cursor: Cursor, depth: number): number {
  if (depth > deepest) throw syntaxError('a field table is nested too deeply')
  const length = cursor.long()
  if (length > cursor.end - cursor.at) throw syntaxError('a field table goes past the end of its frame')
  return cursor.at + length
}

function readValue(cursor: Cursor, depth: number): FieldValue {
  const { buffer } = cursor
  const type = String.fromCharCode(cursor.octet())
  switch (type) {
    case 't':
      return cursor.octet() !== 0
    case 'b':
      return buffer.readInt8(cursor.take(1))
    case 'B':
      return cursor.octet()
    case 's':
      return buffer.readInt16BE(cursor.take(2))
    case 'u':
      return cursor.short()
    case 'I':
      return buffer.readInt32BE(cursor.take(4))
    case 'i':
      return cursor.long()
    case 'l': {
      const value = buffer.readBigInt64BE(cursor.take(8))
      const small = Number(value)
      return Number.isSafeInteger(small) ? small : value
    }
    case 'f':
      return buffer.readFloatBE(cursor.take(4))
    case 'd':
      return buffer.readDoubleBE(cursor.take(8))
    case 'D':
      return new Decimal(cursor.octet(), buffer.readInt32BE(cursor.take(4)))
    case 'S': {
      // The wire says octets; nearly always they are text. Those that aren't stay octets.
      const octets = cursor.longstr()
      return isUtf8(octets) ? octets.toString() : Buffer.from(octets)
    }
    case 'x':
      return Buffer.from(cursor.longstr())
    case 'T':
      return new Timestamp(cursor.timestamp())
    case 'V':
      return null
    case 'F':
      return readTable(cursor, depth + 1)
    case 'A':
      return readArray(cursor, depth + 1)
    default:
      throw unknownType(type)
  }
}

/** Octets of each type whose size is fixed; the others begin with their size. */
const fixedSize: Record<string, number> = {
  t: 1,
  b: 1,
  B: 1,
  s: 2,
  u: 2,
  I: 4,
  i: 4,
  l: 8,
  f: 4,
  d: 8,
  D: 5,
  T: 8,
  V: 0,
}
const sizeOfType: Int8Array = new Int8Array(256).fill(-1)
for (const [type, size] of Object.entries(fixedSize)) sizeOfType[type.charCodeAt(0)] = size
const [textType, octetsType, tableType, arrayType] = [...'SxFA'].map((type) => type.charCodeAt(0))

/** Throws what `readTable` would, and makes nothing. */
export function checkTable(cursor: Cursor, depth = 0): void {
  const end = endOf(cursor, depth)
  while (cursor.at < end) {
    cursor.take(cursor.octet())
    checkValue(cursor, depth)
  }
  if (cursor.at !== end) throw syntaxError('a field table goes past its own length')
}

function checkValue(cursor: Cursor, depth: number): void {
  const type = cursor.octet()
  const size = sizeOfType[type]!
  if (size >= 0) cursor.take(size)
  else if (type === textType || type === octetsType) cursor.take(cursor.long())
  else if (type === tableType) checkTable(cursor, depth + 1)
  else if (type === arrayType) {
    const end = endOf(cursor, depth + 1)
    while (cursor.at < end) checkValue(cursor, depth + 1)
    if (cursor.at !== end) throw syntaxError('an array goes past its own length')
  } else throw unknownType(String.fromCharCode(type))
}

/**
 * Writes the table at the cursor again, octet by octet, without the entries of `put`, whose new values follow it;
 * undefined only takes one out. What isn't named keeps its type, which reading and writing it would lose.
 */
export function editTable(writer: Writer, cursor: Cursor, put: Table): void {
  const end = endOf(cursor, 0)
  measured(writer, () => {
    while (cursor.at < end) {
      const start = cursor.at
      const name = cursor.shortstr()
      checkValue(cursor, 0)
      if (!Object.hasOwn(put, name)) writer.bytes(cursor.buffer.subarray(start, cursor.at))
    }
    writeEntries(writer, put)
  })
}

function unknownType(type: string) {
  return syntaxError(`a field table has a value of unknown type ${JSON.stringify(type)}`)
}

function readArray(cursor: Cursor, depth: number): FieldValue[] {
  const end = endOf(cursor, depth)
  const values: FieldValue[] = []
  while (cursor.at < end) values.push(readValue(cursor, depth))
  if (cursor.at !== end) throw syntaxError('an array goes past its own length')
  return values
}

export function writeTable(writer: Writer, table: Table): void {
  measured(writer, () => writeEntries(writer, table))
}

function writeEntries(writer: Writer, table: Table): void {
  for (const [name, value] of Object.entries(table)) {
    if (value === undefined) continue
    writer.shortstr(name)
    writeValue(writer, value)
  }
}

/** Writes what `body` writes, with its length before it. */
function measured(writer: Writer, body: () => void): void {
  writer.long(0)
  const start = writer.at
  body()
  writer.buffer.writeUInt32BE(writer.at - start, start - 4)
}

function writeValue(writer: Writer, value: Exclude<FieldValue, undefined>): void {
  if (value === null) letter(writer, 'V')
  else if (typeof value === 'boolean') {
    letter(writer, 't')
    writer.octet(value ? 1 : 0)
  } else if (typeof value === 'string') {
    letter(writer, 'S')
    writer.longstr(value)
  } else if (typeof value === 'number' || typeof value === 'bigint')
    writeNumber(writer, new Typed(fitting(value), value))
  else if (value instanceof Typed) writeNumber(writer, value)
  else if (value instanceof Timestamp) {
    letter(writer, 'T')
    writer.timestamp(value.seconds)
  } else if (value instanceof Decimal) {
    letter(writer, 'D')
    writer.octet(value.scale)
    writer.room(4)
    writer.at = writer.buffer.writeInt32BE(value.value, writer.at)
  } else if (Buffer.isBuffer(value)) {
    letter(writer, 'x')
    writer.longstr(value)
  } else if (Array.isArray(value)) {
    letter(writer, 'A')
    measured(writer, () => {
      for (const item of value) if (item !== undefined) writeValue(writer, item)
    })
  } else {
    letter(writer, 'F')
    writeTable(writer, value)
  }
}

function letter(writer: Writer, type: string): void {
  writer.octet(type.charCodeAt(0))
}

function fitting(value: number | bigint): Typed['type'] {
  if (typeof value === 'bigint') return 'l'
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return 'd'
  return value >= -(2 ** 31) && value < 2 ** 31 ? 'I' : 'l'
}

function writeNumber(writer: Writer, { type, value }: Typed): void {
  letter(writer, type)
  writer.room(8)
  const { buffer, at } = writer
  const number = Number(value)
  switch (type) {
    case 'b':
      writer.at = buffer.writeInt8(number, at)
      break
    case 'B':
      writer.at = buffer.writeUInt8(number, at)
      break
    case 's':
      writer.at = buffer.writeInt16BE(number, at)
      break
    case 'u':
      writer.at = buffer.writeUInt16BE(number, at)
      break
    case 'I':
      writer.at = buffer.writeInt32BE(number, at)
      break
    case 'i':
      writer.at = buffer.writeUInt32BE(number, at)
      break
    case 'l':
      writer.at = buffer.writeBigInt64BE(BigInt(value), at)
      break
    case 'f':
      writer.at = buffer.writeFloatBE(number, at)
      break
    case 'd':
      writer.at = buffer.writeDoubleBE(number, at)
      break
  }
}
