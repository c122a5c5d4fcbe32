// A ring that grows: a queue's messages in order, with cheap work at both ends.

export class Deque<T> {
  #ring: (T | undefined)[] = new Array(16)
  #head = 0
  length = 0

  push(item: T): void {
    if (this.length === this.#ring.length) this.#resize(this.length * 2)
    this.#ring[(this.#head + this.length) & (this.#ring.length - 1)] = item
    this.length++
  }

  peek(): T | undefined {
    return this.length === 0 ? undefined : this.#ring[this.#head]
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined
    const item = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.length--
    // After a large backlog has gone its memory goes too.
    if (this.#ring.length > 1024 && this.length < this.#ring.length / 8) this.#resize(this.#ring.length / 4)
    return item
  }

  /** Before the first item that `isAfter` holds for; items are in order, and mostly that is the front. */
  insert(item: T, isAfter: (other: T) => boolean): void {
    if (this.length === this.#ring.length) this.#resize(this.length * 2)
    const mask = this.#ring.length - 1
    this.#head = (this.#head - 1) & mask
    let at = 0
    for (; at < this.length; at++) {
      const next = this.#ring[(this.#head + at + 1) & mask]!
      if (isAfter(next)) break
      this.#ring[(this.#head + at) & mask] = next
    }
    this.#ring[(this.#head + at) & mask] = item
    this.length++
  }

  /** All items in order, and the ring is empty. */
  drain(): T[] {
    const items: T[] = []
    for (let item = this.shift(); item !== undefined; item = this.shift()) items.push(item)
    return items
  }

  #resize(size: number): void {
    const ring: (T | undefined)[] = new Array(size)
    for (let i = 0; i < this.length; i++) ring[i] = this.#ring[(this.#head + i) & (this.#ring.length - 1)]
    this.#ring = ring
    this.#head = 0
  }
}
