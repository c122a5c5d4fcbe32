// The part of MessagePack that token payloads are made of: null, booleans, numbers, text, bytes and arrays.
// https://github.com/msgpack/msgpack/blob/master/spec.md
import { isUtf8 } from 'node:buffer'

export type Packed = null | boolean | number | string | Uint8Array | readonly Packed[] | Float
export type Unpacked = null | boolean | number | string | Buffer | Unpacked[]

/** A number that is written as a float though it may be whole. */
export type Float = { readonly float: number }

export function pack(value: Packed): Buffer {
  const parts: Uint8Array[] = []
  append(value, parts)
  return Buffer.concat(parts)
}

/** Throws a RangeError on what is cut off, too long or outside the subset. */
export function unpack(bytes: Buffer): Unpacked {
  const cursor = { bytes, at: 0 }
  const value = take(cursor, 0)
  if (cursor.at !== bytes.length) throw new RangeError('Bytes are left over after the value')
  return value
}

function append(value: Packed, parts: Uint8Array[]): void {
  if (value === null) parts.push(Buffer.of(0xc0))
  else if (typeof value === 'boolean') parts.push(Buffer.of(value ? 0xc3 : 0xc2))
  else if (typeof value === 'number') parts.push(packInteger(value))
  else if (typeof value === 'string') {
    const text = Buffer.from(value)
    parts.push(text.length < 32 ? Buffer.of(0xa0 | text.length) : packLength(0xd9, text.length), text)
  } else if (value instanceof Uint8Array) parts.push(packLength(0xc4, value.length), value)
  else if ('float' in value) {
    const float = Buffer.allocUnsafe(9)
    float[0] = 0xcb
    float.writeDoubleBE(value.float, 1)
    parts.push(float)
  } else {
    const short = value.length < 16
    parts.push(
      short ? Buffer.of(0x90 | value.length) : Buffer.of(0xdc, value.length >> 8, value.length & 0xff),
    )
    for (const item of value) append(item, parts)
  }
}

/** Text and bytes alike have three forms in a row, with lengths of one, two and four bytes. */
function packLength(firstForm: number, length: number): Buffer {
  if (length < 0x100) return Buffer.of(firstForm, length)
  if (length < 0x10000) return Buffer.of(firstForm + 1, length >> 8, length & 0xff)
  throw new RangeError('A text or byte string of 64 KiB or more has no place in a token')
}

function packInteger(value: number): Buffer {
  if (!Number.isInteger(value) || value < -0x80000000 || value > 0xffffffff)
    throw new RangeError(`Not a 32-bit integer: ${value}`)
  if (value >= 0 && value < 0x80) return Buffer.of(value)
  if (value < 0 && value >= -32) return Buffer.of(0x100 + value)
  if (value >= 0 && value < 0x100) return Buffer.of(0xcc, value)
  if (value >= 0 && value < 0x10000) return Buffer.of(0xcd, value >> 8, value & 0xff)
  const long = Buffer.allocUnsafe(5)
  long[0] = value < 0 ? 0xd2 : 0xce
  if (value < 0) long.writeInt32BE(value, 1)
  else long.writeUInt32BE(value, 1)
  return long
}

type Cursor = { bytes: Buffer; at: number }

/** Deeper than any payload goes; keeps hostile nesting off the stack. */
const maxDepth = 8

function take(cursor: Cursor, depth: number): Unpacked {
  if (depth > maxDepth) throw new RangeError('Nested too deeply')
  const { bytes } = cursor
  const form = bytes.readUInt8(cursor.at++)
  if (form < 0x80) return form
  if (form >= 0xe0) return form - 0x100
  if (form >= 0xa0 && form < 0xc0) return takeText(cursor, form & 0x1f)
  if (form >= 0x90 && form < 0xa0) return takeArray(cursor, form & 0x0f, depth)
  const start = cursor.at
  const skip = (count: number) => {
    cursor.at += count
  }
  switch (form) {
    case 0xc0:
      return null
    case 0xc2:
      return false
    case 0xc3:
      return true
    case 0xc4:
    case 0xc5:
      skip(form - 0xc3)
      return takeBytes(cursor, bytes.readUIntBE(start, form - 0xc3))
    case 0xca:
      skip(4)
      return bytes.readFloatBE(start)
    case 0xcb:
      skip(8)
      return bytes.readDoubleBE(start)
    case 0xcc:
      skip(1)
      return bytes.readUInt8(start)
    case 0xcd:
      skip(2)
      return bytes.readUInt16BE(start)
    case 0xce:
      skip(4)
      return bytes.readUInt32BE(start)
    case 0xd0:
      skip(1)
      return bytes.readInt8(start)
    case 0xd1:
      skip(2)
      return bytes.readInt16BE(start)
    case 0xd2:
      skip(4)
      return bytes.readInt32BE(start)
    case 0xd9:
    case 0xda:
      skip(form - 0xd8)
      return takeText(cursor, bytes.readUIntBE(start, form - 0xd8))
    case 0xdc:
      skip(2)
      return takeArray(cursor, bytes.readUInt16BE(start), depth)
    default:
      throw new RangeError(`MessagePack form 0x${form.toString(16)} has no place in a token`)
  }
}

function takeBytes(cursor: Cursor, length: number): Buffer {
  const end = cursor.at + length
  if (end > cursor.bytes.length) throw new RangeError('Cut off')
  const part = cursor.bytes.subarray(cursor.at, end)
  cursor.at = end
  return part
}

/** Writers older than msgpack 1.0 put bytes into the text form; what is not UTF-8 is taken as bytes. */
function takeText(cursor: Cursor, length: number): string | Buffer {
  const part = takeBytes(cursor, length)
  return isUtf8(part) ? part.toString('utf8') : part
}

function takeArray(cursor: Cursor, length: number, depth: number): Unpacked[] {
  const items: Unpacked[] = []
  for (let i = 0; i < length; i++) items.push(take(cursor, depth + 1))
  return items
}
