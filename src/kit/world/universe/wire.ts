// A connection between two processes: what one end writes comes to the other after the way's time, in order, cut into
// other pieces than it was written in. While the way is cut it waits, and neither end hears of it.
import { Duplex } from 'node:stream'
import type { Connection, ConnectionTls, Random } from '../world.ts'
import type { Links } from './link.ts'
import type { Loop } from './loop.ts'
import type { Owner } from './queue.ts'

/** Who holds an end. */
export type Holder = Owner & { readonly machine: string }

/** What may be under way or unread before a writer has to wait, as a kernel's buffers hold. */
const windowOctets = 256 * 1024
/** What comes within this time of one another may arrive at once. */
const joinMs = 0.2

type Segment = { at: number; octets: Buffer | 'end' | 'reset' }

export type Wire = {
  /** Both ends hear of it, as far as the way is open. */
  reset(): void
  /** The holder is gone: the other end is reset, unless the machine went dark and nobody is left to tell it. */
  drop(holder: Holder, silently: boolean): void
  readonly holders: readonly [Holder, Holder]
  /** Where the far end listened. */
  place?: string
}

export type WireWorld = { loop: Loop; links: Links; random: Random; isDark: (machine: string) => boolean }

export class End extends Duplex {
  readonly peer: string
  readonly local: string
  readonly tls: ConnectionTls | undefined
  other!: End
  readonly holder: Holder
  readonly #world: WireWorld
  #lane: Segment[] = []
  #scheduled = false
  #laneOctets = 0
  #laneEnd = 0
  #stalled = false
  #waiting: (() => void)[] = []
  onGone: () => void = () => {}
  /** It carries the body of an HTTP message. */
  isBody = false

  constructor(world: WireWorld, holder: Holder, names: { peer: string; local: string; tls?: ConnectionTls }) {
    super({ allowHalfOpen: false, emitClose: true })
    this.#world = world
    this.holder = holder
    this.peer = names.peer
    this.local = names.local
    this.tls = names.tls
  }

  setNoDelay(): this {
    return this
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const { random } = this.#world
    const trap = this.holder.trap?.('send')
    if (trap?.before) trap.fire()
    if (!this.holder.alive) return
    const octets = Buffer.from(chunk)
    // A piece in eight is cut in two, where the seed says.
    if (octets.length > 1 && random.int(0, 8) === 0) {
      const at = random.int(1, octets.length)
      this.send(octets.subarray(0, at))
      this.send(octets.subarray(at))
    } else this.send(octets)
    if (trap && !trap.before) trap.fire()
    if (this.#laneOctets < windowOctets) done()
    else this.#waiting.push(done)
  }

  override _final(done: () => void): void {
    this.send('end')
    done()
  }

  override _read(): void {
    if (this.other.#stalled) {
      this.other.#stalled = false
      this.other.#schedule()
    }
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // Closed with something unsent or unread, or for a fault: the other end sees a reset rather than an end.
    if (!this.writableFinished) this.send('reset')
    this.onGone()
    // As Node's HTTP messages do it: an error of theirs is for those who listen.
    done(this.isBody && this.listenerCount('error') === 0 ? null : error)
  }

  /** Puts it on the way to the other end. */
  send(octets: Segment['octets']): void {
    const { loop, links } = this.#world
    if (!this.other.holder.alive) {
      this.#bounce()
      return
    }
    const at = Math.max(
      this.#laneEnd,
      loop.time + links.delay(this.holder.machine, this.other.holder.machine),
    )
    this.#laneEnd = at
    this.#lane.push({ at, octets })
    if (typeof octets !== 'string') this.#laneOctets += octets.length
    this.#schedule()
  }

  /** Nobody is there any more. Whoever sends is told by the machine, when that can be reached and is up again. */
  #bounce(): void {
    const { loop, links, isDark } = this.#world
    const [here, there] = [this.holder.machine, this.other.holder.machine]
    const wayMs = links.delay(here, there) + links.delay(there, here)
    loop.after(this.holder, wayMs, 'bytes', () => {
      if (!links.isCut(here, there) && !isDark(there)) this.#hear('reset')
    })
  }

  /** Nothing of ours is on its way any more. */
  clearLane(): void {
    this.#lane = []
    this.#laneOctets = 0
    this.#waiting = []
  }

  #schedule(): void {
    const next = this.#lane[0]
    if (this.#scheduled || !next || this.#stalled) return
    this.#scheduled = true
    const { loop } = this.#world
    loop.after(this.other.holder, next.at - loop.time, 'bytes', () => this.#arrive())
  }

  #arrive(): void {
    const { links, loop, random } = this.#world
    const [from, to] = [this.holder.machine, this.other.holder.machine]
    if (links.isCut(from, to)) {
      links.onceOpen(from, to, () => {
        this.#scheduled = false
        this.#schedule()
      })
      return
    }
    this.#scheduled = false
    const first = this.#lane.shift()
    if (!first) return
    if (typeof first.octets === 'string') {
      this.other.#hear(first.octets)
      this.#schedule()
      return
    }
    const parts = [first.octets]
    while (random.int(0, 2) === 0) {
      const next = this.#lane[0]
      if (!next || typeof next.octets === 'string' || next.at > loop.time + joinMs) break
      this.#lane.shift()
      parts.push(next.octets)
    }
    const octets = parts.length === 1 ? first.octets : Buffer.concat(parts)
    this.#laneOctets -= octets.length
    if (!this.other.destroyed && !this.other.readableEnded && !this.other.push(octets)) this.#stalled = true
    if (this.#laneOctets < windowOctets) {
      const waiting = this.#waiting
      this.#waiting = []
      // The writer's own event: it is another process.
      for (const done of waiting) loop.after(this.holder, 0, 'room', done)
    }
    this.#schedule()
  }

  #hear(word: 'end' | 'reset'): void {
    if (this.destroyed) return
    if (word === 'end') this.push(null)
    else
      this.destroy(
        Object.assign(new Error(`read ECONNRESET at ${this.local} from ${this.peer}`), {
          code: 'ECONNRESET',
        }),
      )
  }
}

export function openWire(
  world: WireWorld,
  near: { holder: Holder; local: string; tls?: ConnectionTls },
  far: { holder: Holder; local: string; tls?: ConnectionTls },
): { near: End & Connection; far: End & Connection; wire: Wire } {
  const a = new End(world, near.holder, { peer: far.local, local: near.local, tls: near.tls })
  const b = new End(world, far.holder, { peer: near.local, local: far.local, tls: far.tls })
  a.other = b
  b.other = a
  const wire: Wire = {
    holders: [near.holder, far.holder],
    reset() {
      // From the middle: each end gets the reset of the other.
      for (const end of [a, b]) {
        end.clearLane()
        end.send('reset')
      }
    },
    drop(holder, silently) {
      for (const end of [a, b]) {
        if (end.holder !== holder || end.destroyed) continue
        if (!silently) end.send('reset')
      }
    },
  }
  return { near: a, far: b, wire }
}
