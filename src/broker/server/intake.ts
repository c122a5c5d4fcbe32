// How much of what clients send is read: a connection waits its turn, and its own messages' way to the disk.
import type { Duplex } from 'node:stream'
import type { Store } from '../store/store.ts'

/** Octets of one connection in one turn of the event loop; then the others have theirs. */
const turnOctets = 256 * 1024
/** Octets that a connection may have sent and the disk has not yet. */
const creditOctets = 4 * 1024 * 1024

/**
 * 'turn': it had its share of this turn. 'alarm': memory or disk is short, and it publishes. 'disk': too much of it
 * waits for the disk. 'channel': too much of it waits behind an answer. 'outbox': it reads no answers. 'memory': it
 * publishes, and messages come faster than they can be written out of memory.
 */
export type Pause = keyof typeof bit
const bit = { turn: 1, alarm: 2, disk: 4, channel: 8, outbox: 16, memory: 32 } as const

/** Turns of the event loop, counted for all connections at once. */
export class Turns {
  current = 0
  #waiting: (() => void)[] = []
  #scheduled = false

  /** This turn counts: something was read in it. */
  begin(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.current++
      const waiting = this.#waiting
      this.#waiting = []
      for (const resume of waiting) resume()
    })
  }

  afterwards(resume: () => void): void {
    this.#waiting.push(resume)
  }
}

export class Intake {
  octets = 0
  chunks = 0
  /** Called with whether the socket is read now. */
  onChange: (isReading: boolean) => void = () => {}
  readonly #stream: Duplex
  readonly #turns: Turns
  readonly #store: Store
  #paused = 0
  #turn = -1
  #turnOctets = 0
  #inFlight = 0
  #uncounted = 0
  #stopped = false

  constructor(stream: Duplex, turns: Turns, store: Store) {
    this.#stream = stream
    this.#turns = turns
    this.#store = store
  }

  is(reason: Pause): boolean {
    return (this.#paused & bit[reason]) !== 0
  }

  /** Something slower than the client holds it up. */
  get isHeldUp(): boolean {
    return (this.#paused & (bit.disk | bit.channel | bit.outbox | bit.memory)) !== 0
  }

  pause(reason: Pause): void {
    const before = this.#paused
    if (this.#stopped) return
    this.#paused |= bit[reason]
    if (before !== 0) return
    this.#stream.pause()
    this.onChange(false)
  }

  resume(reason: Pause): void {
    if (!this.is(reason)) return
    this.#paused &= ~bit[reason]
    if (this.#paused !== 0 || this.#stopped) return
    this.onChange(true)
    this.#stream.resume()
  }

  /** From now on all is read: the connection closes, and the client's last word is awaited. */
  stop(): void {
    this.#stopped = true
    if (this.#paused !== 0) this.#stream.resume()
  }

  /** A chunk has come. */
  received(octets: number): void {
    this.octets += octets
    this.chunks++
    const turns = this.#turns
    turns.begin()
    if (turns.current !== this.#turn) {
      this.#turn = turns.current
      this.#turnOctets = 0
    }
    this.#turnOctets += octets
    if (this.#turnOctets < turnOctets || this.is('turn')) return
    this.pause('turn')
    turns.afterwards(() => this.resume('turn'))
  }

  /** It publishes: no faster than what has no room in memory gets out of it. */
  keepPace(): void {
    if (!this.#store.isBehind || this.is('memory')) return
    this.pause('memory')
    this.#store.whenCaughtUp(() => this.resume('memory'))
  }

  /** A chunk was worked off; what it brought for the disk, since `before`, counts until it is there. */
  handled(octets: number, before: number): void {
    const { given, safe } = this.#store
    // A large message comes in many chunks, of which the last brings it to the disk.
    const came = this.#uncounted + octets
    this.#uncounted = given === before ? came : 0
    if (given === before || given <= safe) return
    this.#inFlight += came
    this.#store.whenSafe(given, () => {
      this.#inFlight -= came
      if (this.#inFlight < creditOctets / 2) this.resume('disk')
    })
    if (this.#inFlight > creditOctets) this.pause('disk')
  }
}
