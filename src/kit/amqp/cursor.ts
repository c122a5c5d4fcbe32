// Reads AMQP's simple types out of a part of a buffer and never past its end.
import { isUtf8 } from 'node:buffer'
import { syntaxError } from './error.ts'

export class Cursor {
  readonly buffer: Buffer
  at: number
  readonly end: number

  constructor(buffer: Buffer, at = 0, end: number = buffer.length) {
    this.buffer = buffer
    this.at = at
    this.end = end
  }

  /** Moves on by `count` octets and gives where they begin. */
  take(count: number): number {
    const start = this.at
    if (count > this.end - start) throw syntaxError('a field goes past the end of its frame')
    this.at = start + count
    return start
  }

  octet(): number {
    return this.buffer[this.take(1)]!
  }

  short(): number {
    return this.buffer.readUInt16BE(this.take(2))
  }

  long(): number {
    return this.buffer.readUInt32BE(this.take(4))
  }

  /** Delivery tags, body sizes: none of them reaches 2^53 in any sane use. */
  longlong(): number {
    const start = this.take(8)
    const value = this.buffer.readUInt32BE(start) * 2 ** 32 + this.buffer.readUInt32BE(start + 4)
    if (!Number.isSafeInteger(value)) throw syntaxError('a 64-bit number is out of range')
    return value
  }

  /** Seconds, which nobody checks on their way: what a client made up goes out as it came in. */
  timestamp(): number | bigint {
    const seconds = this.buffer.readBigUInt64BE(this.take(8))
    return seconds <= Number.MAX_SAFE_INTEGER ? Number(seconds) : seconds
  }

  shortstr(): string {
    const length = this.octet()
    const start = this.take(length)
    return this.buffer.toString('utf8', start, start + length)
  }

  /** As `shortstr`, for names, which must be what was sent: throws where it is no UTF-8. */
  name(): string {
    const start = this.at
    const text = this.shortstr()
    // What can't be read became this character, which may also have been sent.
    if (text.includes('\uFFFD') && !isUtf8(this.buffer.subarray(start + 1, this.at)))
      throw syntaxError('a short string is not UTF-8')
    return text
  }

  longstr(): Buffer {
    const length = this.long()
    const start = this.take(length)
    return this.buffer.subarray(start, start + length)
  }
}
