// Finds the frames in a stream of chunks, in place: a frame that lies whole in one chunk is not copied.
import { frameError } from './error.ts'
import { frameEnd, frameOverhead, minimumFrameMax } from './protocol.ts'

/** The payload is `buffer[start, end)`; the whole frame begins 7 octets before and ends one after. */
export type FrameSink = (type: number, channel: number, buffer: Buffer, start: number, end: number) => void

export class FrameScanner {
  /** Frames larger than this, overhead included, are errors. */
  frameMax: number = minimumFrameMax
  #sink: FrameSink
  #rest: Buffer[] = []
  #restSize = 0
  #need = 0
  #stopped = false

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** No more frames are given, not even those of the chunk that is being scanned. */
  stop(): void {
    this.#stopped = true
    this.#rest = []
    this.#restSize = 0
  }

  /** Throws a connection error where the octets are no frame. */
  push(chunk: Buffer): void {
    let at = 0
    // A frame that began in an earlier chunk: of this one only its rest is copied.
    while (this.#restSize > 0 && !this.#stopped) {
      const taken = Math.min(this.#need - this.#restSize, chunk.length - at)
      this.#rest.push(chunk.subarray(at, at + taken))
      this.#restSize += taken
      at += taken
      if (this.#restSize < this.#need) return
      const frame = this.#rest.length === 1 ? this.#rest[0]! : Buffer.concat(this.#rest, this.#restSize)
      this.#rest = []
      this.#restSize = 0
      const used = this.#scan(frame, 0)
      if (used === frame.length) break
      // Only its head had come; now its size is known.
      this.#rest = [frame]
      this.#restSize = frame.length
    }
    if (this.#stopped || at === chunk.length) return
    at = this.#scan(chunk, at)
    if (at === chunk.length || this.#stopped) return
    this.#rest = [at === 0 ? chunk : chunk.subarray(at)]
    this.#restSize = chunk.length - at
  }

  /** Gives the whole frames from `at` on; where they end, with how much the next one needs in `#need`. */
  #scan(buffer: Buffer, from: number): number {
    const end = buffer.length
    let at = from
    this.#need = frameOverhead
    while (end - at >= frameOverhead - 1) {
      const type = buffer[at]!
      const size = buffer.readUInt32BE(at + 3)
      if (size + frameOverhead > this.frameMax)
        throw frameError(
          `a frame of ${size + frameOverhead} octets is larger than frame_max ${this.frameMax}`,
        )
      const next = at + size + frameOverhead
      if (next > end) {
        this.#need = size + frameOverhead
        break
      }
      if (buffer[next - 1] !== frameEnd) throw frameError(`type ${type}, a frame does not end in 0xCE`)
      this.#sink(type, buffer.readUInt16BE(at + 1), buffer, at + 7, next - 1)
      if (this.#stopped) return end
      at = next
    }
    return at
  }
}
