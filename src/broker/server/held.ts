// Frames that came on a channel while its answer waited for the disk: looked at once the answer has gone.
import type { Channel } from './channel.ts'

export class HeldFrames {
  octets = 0
  readonly #byChannel = new Map<Channel, Buffer[]>()

  /** The payload is `buffer[start, end)`, as the scanner gives it; the whole frame is copied. */
  keep(channel: Channel, buffer: Buffer, start: number, end: number): void {
    const frame = Buffer.from(buffer.subarray(start - 7, end + 1))
    const frames = this.#byChannel.get(channel)
    if (frames) frames.push(frame)
    else this.#byChannel.set(channel, [frame])
    this.octets += frame.length
  }

  /** Gives each whole frame in order, until `stop` says that the channel waits again; the rest stays. */
  give(channel: Channel, stop: () => boolean, frame: (octets: Buffer) => void): void {
    const frames = this.#byChannel.get(channel)
    if (!frames) return
    this.#byChannel.delete(channel)
    for (const [index, octets] of frames.entries()) {
      if (stop()) {
        this.#byChannel.set(channel, frames.slice(index))
        return
      }
      this.octets -= octets.length
      frame(octets)
    }
  }

  clear(): void {
    this.#byChannel.clear()
    this.octets = 0
  }
}
