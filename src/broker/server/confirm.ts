// Publisher confirms of one channel: one cumulative acknowledgement for all that became safe in a turn.
import type { Outbox } from '#kit/amqp/outbox.ts'
import type { MessageCounts } from '../core/count.ts'
import type { Store } from '../store/store.ts'

export class Confirms {
  readonly #outbox: Outbox
  readonly #channel: number
  readonly #store: Store
  readonly #counts: MessageCounts
  #published = 0
  #confirmed = 0
  /** Highest tag that each store count makes safe, both rising. */
  #pending: { tag: number; count: number }[] = []
  #scheduled = false
  #waiting = false
  #closed = false

  constructor(outbox: Outbox, channel: number, store: Store, counts: MessageCounts) {
    this.#outbox = outbox
    this.#channel = channel
    this.#store = store
    this.#counts = counts
  }

  /** Published and neither confirmed nor refused yet. */
  get unconfirmed(): number {
    return this.#published - this.#confirmed
  }

  /** The next message is where it should be once `stored` is safe; tags are acknowledged in order. */
  published(stored: number): void {
    const tag = ++this.#published
    const last = this.#pending.at(-1)
    if (last && last.count >= stored) last.tag = tag
    else this.#pending.push({ tag, count: stored })
    this.#soon()
  }

  /** The queue took it not: x-overflow is reject-publish. */
  refused(): void {
    const tag = ++this.#published
    this.#pending.push({ tag, count: -1 })
    this.#soon()
  }

  close(): void {
    this.#closed = true
  }

  #soon(): void {
    if (this.#scheduled || this.#waiting) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#closed) return
    let upTo = this.#confirmed
    const acknowledge = () => {
      if (upTo === this.#confirmed) return
      const multiple = upTo > this.#confirmed + 1
      this.#outbox.method(this.#channel, 'basic.ack', { deliveryTag: upTo, multiple })
      this.#counts.confirm += upTo - this.#confirmed
      this.#confirmed = upTo
    }
    while (this.#pending.length > 0 && this.#pending[0]!.count <= this.#store.safe) {
      const { tag, count } = this.#pending.shift()!
      if (count === -1) {
        acknowledge()
        this.#outbox.method(this.#channel, 'basic.nack', { deliveryTag: tag })
        this.#confirmed = tag
      }
      upTo = tag
    }
    acknowledge()
    const next = this.#pending[0]
    if (!next) return
    this.#waiting = true
    this.#store.whenSafe(next.count, () => {
      this.#waiting = false
      this.#flush()
    })
  }
}
