// Whose turn it is: of the consumers that are ready, those with the highest priority, one after the other.
// With a single active consumer all others wait until it has gone.
import type { Consumer } from './queue.ts'

export class Consumers {
  /** Highest priority first, among equals in the order in which they came. */
  readonly all: Consumer[] = []
  readonly #single: boolean
  #active: Consumer | undefined
  #turn = 0

  constructor(single: boolean) {
    this.#single = single
  }

  /** The only one that gets messages, where there is a single active consumer. */
  get active(): Consumer | undefined {
    return this.#active
  }

  add(consumer: Consumer): void {
    let at = this.all.length
    while (at > 0 && this.all[at - 1]!.priority < consumer.priority) at--
    this.all.splice(at, 0, consumer)
    if (this.#single) this.#active ??= consumer
  }

  /** Whether it was there. */
  remove(consumer: Consumer): boolean {
    const at = this.all.indexOf(consumer)
    if (at < 0) return false
    this.all.splice(at, 1)
    if (this.#active === consumer) this.#active = this.all[0]
    return true
  }

  next(): Consumer | undefined {
    if (this.#single) return this.#active?.ready ? this.#active : undefined
    const { all } = this
    for (let first = 0; first < all.length; ) {
      const { priority } = all[first]!
      let end = first + 1
      while (end < all.length && all[end]!.priority === priority) end++
      const ready = this.#inTurn(first, end)
      if (ready) return ready
      first = end
    }
    return undefined
  }

  #inTurn(first: number, end: number): Consumer | undefined {
    const count = end - first
    for (let i = 0; i < count; i++) {
      const turn = (this.#turn + i) % count
      const consumer = this.all[first + turn]!
      if (!consumer.ready) continue
      this.#turn = turn + 1
      return consumer
    }
    return undefined
  }
}
