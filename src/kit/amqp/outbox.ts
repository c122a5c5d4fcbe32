// What one end of a connection sends: gathered in one buffer and written once per turn of the event loop.
import type { Duplex } from 'node:stream'
import { type Content, writeContent } from './content.ts'
import { writeMethod } from './method.ts'
import type { MethodInput, MethodName } from './methods.ts'
import { frameEnd, frameType, minimumFrameMax } from './protocol.ts'
import { Writer } from './writer.ts'

/** Written at once when this much has gathered within a turn. */
const gatherMost = 128 * 1024
/** Smaller writes are copied out, so that the big buffer can be used again. */
const copyBelow = 8 * 1024
/** Beyond this much unsent, deliveries to the peer stop until it has read. */
const fullAt = 2 * 1024 * 1024

export class Outbox {
  frameMax: number = minimumFrameMax
  /** Set by each write, cleared by who sends heartbeats. */
  active = false
  readonly writer: Writer = new Writer(16 * 1024)
  #stream: Duplex
  #scheduled = false

  constructor(stream: Duplex) {
    this.#stream = stream
  }

  /** The peer reads too slowly; 'drain' on the stream ends it. */
  get full(): boolean {
    return this.#stream.writableNeedDrain && this.#stream.writableLength > fullAt
  }

  method<N extends MethodName>(channel: number, name: N, fields: MethodInput<N>): void {
    const sizeAt = this.open(frameType.method, channel)
    writeMethod(this.writer, name, fields)
    this.close(sizeAt)
  }

  content(channel: number, content: Content): void {
    writeContent(this.writer, channel, content, this.frameMax)
    this.#soon()
  }

  heartbeat(): void {
    this.close(this.open(frameType.heartbeat, 0))
  }

  /** Begins a frame; the result goes to `close` after its payload was written to `writer`. */
  open(type: number, channel: number): number {
    const { writer } = this
    writer.octet(type)
    writer.short(channel)
    writer.long(0)
    return writer.at
  }

  close(payloadAt: number): void {
    const { writer } = this
    writer.buffer.writeUInt32BE(writer.at - payloadAt, payloadAt - 4)
    writer.octet(frameEnd)
    this.#soon()
  }

  raw(octets: Buffer): void {
    this.writer.bytes(octets)
    this.#soon()
  }

  flush(): void {
    const { writer } = this
    if (writer.at === 0) return
    const written = writer.written()
    if (writer.at < copyBelow) this.#write(Buffer.from(written))
    else {
      this.#write(written)
      writer.buffer = Buffer.allocUnsafeSlow(gatherMost)
    }
    writer.at = 0
  }

  /** Sends what is left, then closes our half. */
  end(): void {
    this.flush()
    this.#stream.end()
  }

  #write(octets: Buffer): void {
    this.active = true
    if (this.#stream.writable) this.#stream.write(octets)
  }

  #soon(): void {
    if (this.writer.at >= gatherMost) this.flush()
    else if (!this.#scheduled) this.#schedule()
  }

  #schedule(): void {
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.flush()
    })
  }
}
