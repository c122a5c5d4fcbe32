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
  }

  /** Throws a connection error where the octets are no frame. */
  push(chunk: Buffer): void {
    if (this.#stopped) return
    let buffer = chunk
    if (this.#restSize > 0) {
      this.#rest.push(chunk)
      this.#restSize += chunk.length
      if (this.#restSize < this.#need) return
      buffer = Buffer.concat(this.#rest, this.#restSize)
      this.#rest = []
      this.#restSize = 0
    }
    const end = buffer.length
    let at = 0
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
      if (this.#stopped) return
      at = next
    }
    if (at === end) return
    this.#rest = [at === 0 ? buffer : buffer.subarray(at)]
    this.#restSize = end - at
  }
}
