// What one end of a connection sends: gathered in one buffer and written once per turn of the event loop.
import type { Duplex } from 'node:stream'
import { type Content, fitted, sliceEnd, writeContent, writeFrames } from './content.ts'
import { writeMethod } from './method.ts'
import type { MethodInput, MethodName } from './methods.ts'
import { frameEnd, frameOverhead, frameType, minimumFrameMax } from './protocol.ts'
import { Writer } from './writer.ts'

/** Written at once when this much has gathered within a turn. */
const gatherMost = 128 * 1024
/** Smaller writes are copied out, so that the big buffer can be used again. */
const copyBelow = 8 * 1024
/** Beyond this much unsent, deliveries to the peer stop until it has read. */
const fullAt = 2 * 1024 * 1024
/** A message above this goes out in slices, as the peer reads: it is never copied whole for one receiver. */
const sliceAbove = 256 * 1024
/** Frames of a large message above this aren't copied at all: their heads go out for themselves. */
const shareAbove = 16 * 1024

/** A message's frames, sent up to `at`. */
type Slices = { channel: number; frames: Buffer; at: number }

export class Outbox {
  frameMax: number = minimumFrameMax
  /** Set by each write, cleared by who sends heartbeats. */
  active = false
  sentOctets = 0
  writes = 0
  /** Called when the peer has read so much that there is room again. */
  onRoom: () => void = () => {}
  readonly writer: Writer = new Writer(16 * 1024)
  readonly #stream: Duplex
  /** What must go before anything new: the rest of large messages, and what was written behind them. */
  readonly #queued: (Buffer | Slices)[] = []
  #queuedOctets = 0
  #scheduled = false
  #ending = false

  constructor(stream: Duplex) {
    this.#stream = stream
    stream.on('drain', () => {
      this.#pump()
      if (!this.full) this.onRoom()
    })
  }

  /** The peer reads too slowly; `onRoom` ends it. */
  get full(): boolean {
    return this.#queuedOctets > 0 || (this.#stream.writableNeedDrain && this.#stream.writableLength > fullAt)
  }

  /** Octets copied for the peer that it hasn't taken yet: without large messages that wait, which are shared. */
  get bufferedOctets(): number {
    return this.#stream.writableLength + this.writer.at
  }

  /** Octets that the peer hasn't taken yet. */
  get unsentOctets(): number {
    return this.#stream.writableLength + this.#queuedOctets + this.writer.at
  }

  method<N extends MethodName>(channel: number, name: N, fields: MethodInput<N>): void {
    const sizeAt = this.open(frameType.method, channel)
    writeMethod(this.writer, name, fields)
    this.close(sizeAt)
  }

  content(channel: number, content: Content): void {
    if (content.frames.length > sliceAbove)
      this.#enqueue({ channel, frames: fitted(content, this.frameMax).frames, at: 0 })
    else writeContent(this.writer, channel, content, this.frameMax)
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
    if (writer.at < copyBelow) this.#put(Buffer.from(written))
    else {
      this.#put(written)
      writer.buffer = Buffer.allocUnsafeSlow(gatherMost)
    }
    writer.at = 0
  }

  /** Sends what is left, then closes our half. */
  end(): void {
    this.flush()
    this.#ending = true
    if (this.#queuedOctets === 0) this.#stream.end()
  }

  #put(octets: Buffer): void {
    if (this.#queuedOctets === 0) this.#write(octets)
    else {
      this.#queued.push(octets)
      this.#queuedOctets += octets.length
    }
  }

  #enqueue(slices: Slices): void {
    this.flush()
    this.#queued.push(slices)
    this.#queuedOctets += slices.frames.length
    this.#pump()
  }

  /** Writes as much of what is queued as the peer takes. */
  #pump(): void {
    if (this.#stream.destroyed) {
      this.#queued.length = 0
      this.#queuedOctets = 0
    }
    while (this.#queued.length > 0 && this.#stream.writableLength < gatherMost) {
      const next = this.#queued[0]!
      if (Buffer.isBuffer(next)) {
        this.#queued.shift()
        this.#queuedOctets -= next.length
        this.#write(next)
      } else this.#writeSlice(next)
      if (this.#ending && this.#queuedOctets === 0) this.#stream.end()
    }
  }

  #writeSlice(slices: Slices): void {
    const { frames, at, channel } = slices
    const end = sliceEnd(frames, at, gatherMost)
    slices.at = end
    if (end === frames.length) this.#queued.shift()
    this.#queuedOctets -= end - at
    const firstFrame = frames.readUInt32BE(at + 3) + frameOverhead
    if (firstFrame < shareAbove && end - at > firstFrame) {
      this.#write(writeFrames(frames.subarray(at, end), channel))
      return
    }
    this.#stream.cork()
    for (let from = at; from < end; ) {
      const next = from + frames.readUInt32BE(from + 3) + frameOverhead
      const head = Buffer.from(frames.subarray(from, from + 7))
      head.writeUInt16BE(channel, 1)
      this.#write(head)
      this.#write(frames.subarray(from + 7, next))
      from = next
    }
    this.#stream.uncork()
  }

  #write(octets: Buffer): void {
    this.active = true
    if (!this.#stream.writable) return
    this.sentOctets += octets.length
    this.writes++
    this.#stream.write(octets)
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
