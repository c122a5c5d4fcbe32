// Writes AMQP's simple types into a buffer that grows.
import { syntaxError } from './error.ts'

export class Writer {
  buffer: Buffer
  at = 0

  constructor(size = 256) {
    this.buffer = Buffer.allocUnsafe(size)
  }

  /** Makes room for `count` more octets. */
  room(count: number): void {
    const need = this.at + count
    if (need <= this.buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(need, this.buffer.length * 2))
    this.buffer.copy(grown, 0, 0, this.at)
    this.buffer = grown
  }

  octet(value: number): void {
    this.room(1)
    this.buffer[this.at++] = value
  }

  short(value: number): void {
    this.room(2)
    this.at = this.buffer.writeUInt16BE(value, this.at)
  }

  long(value: number): void {
    this.room(4)
    this.at = this.buffer.writeUInt32BE(value, this.at)
  }

  longlong(value: number): void {
    this.room(8)
    this.buffer.writeUInt32BE(Math.floor(value / 2 ** 32), this.at)
    this.at = this.buffer.writeUInt32BE(value >>> 0, this.at + 4)
  }

  timestamp(seconds: number | bigint): void {
    this.room(8)
    this.at = this.buffer.writeBigUInt64BE(BigInt(seconds), this.at)
  }

  shortstr(text: string): void {
    this.room(1 + text.length * 3)
    const length = this.buffer.write(text, this.at + 1)
    if (length > 255) throw syntaxError(`a short string is longer than 255 octets: ${text.slice(0, 40)}...`)
    this.buffer[this.at] = length
    this.at += 1 + length
  }

  longstr(value: string | Uint8Array): void {
    if (typeof value === 'string') {
      this.room(4 + value.length * 3)
      const length = this.buffer.write(value, this.at + 4)
      this.buffer.writeUInt32BE(length, this.at)
      this.at += 4 + length
    } else {
      this.long(value.length)
      this.bytes(value)
    }
  }

  bytes(value: Uint8Array): void {
    this.room(value.length)
    this.buffer.set(value, this.at)
    this.at += value.length
  }

  /** What was written so far; valid until the next write. */
  written(): Buffer {
    return this.buffer.subarray(0, this.at)
  }
}
