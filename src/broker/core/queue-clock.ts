// The two times that a queue waits for: its first message is over its own, or nobody has used the queue for x-expires.
import type { Cancel, World } from '#kit/world/world.ts'

export class QueueClock {
  readonly #world: World
  readonly #onExpiry: () => void
  readonly #onDisuse: () => void
  #expiry: { at: number; cancel: Cancel } | undefined
  #disuse: Cancel | undefined

  constructor(world: World, onExpiry: () => void, onDisuse: () => void) {
    this.#world = world
    this.#onExpiry = onExpiry
    this.#onDisuse = onDisuse
  }

  /** The first message expires then; milliseconds since the epoch, Infinity is never. */
  expectExpiry(at: number): void {
    if (at === Infinity || (this.#expiry && this.#expiry.at <= at)) return
    this.#expiry?.cancel()
    const expire = () => {
      this.#expiry = undefined
      this.#onExpiry()
    }
    const { clock, timers } = this.#world
    this.#expiry = { at, cancel: timers.after(at - clock.now(), expire, { background: true }) }
  }

  /** Unused from now on; undefined where it is in use, or may be unused for ever. */
  expectDisuse(ms: number | undefined): void {
    this.#disuse?.()
    this.#disuse = undefined
    if (ms !== undefined) this.#disuse = this.#world.timers.after(ms, this.#onDisuse, { background: true })
  }

  stop(): void {
    this.#expiry?.cancel()
    this.#disuse?.()
  }
}
