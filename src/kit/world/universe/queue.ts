// What is due when, in a binary heap. Events of one moment are ordered by a lot drawn for each, so that every seed
// tries another order; where two lots are the same the older event goes first.

/** Whose event it is: nothing that belongs to the dead is fired. */
export type Owner = {
  readonly name: string
  readonly alive: boolean
  /** Its machine's clock. */
  now?(): number
  /** What waits for a step of this kind to be the one that it is due at. */
  trap?(step: Step): { readonly before: boolean; fire(): void } | undefined
}

/** A statement on a database, an operation on a file, bytes or a request or its answer sent. */
export type Step = 'statement' | 'file' | 'send'

export type Event = {
  /** Milliseconds since the universe began. */
  readonly at: number
  readonly lot: number
  readonly order: number
  readonly owner: Owner
  /** What it is, for the trace: 'timer', 'file', 'bytes'. */
  readonly kind: string
  fire: (() => void) | undefined
}

export class EventQueue {
  readonly #heap: Event[] = []

  get size(): number {
    return this.#heap.length
  }

  get first(): Event | undefined {
    return this.#heap[0]
  }

  add(event: Event): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(event, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = event
  }

  take(): Event | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (!first || !last || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

function before(a: Event, b: Event): boolean {
  if (a.at !== b.at) return a.at < b.at
  if (a.lot !== b.lot) return a.lot < b.lot
  return a.order < b.order
}
