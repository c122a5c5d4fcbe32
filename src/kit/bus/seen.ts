// Casts that were handled a moment ago. A broker delivers one again whose acknowledgement was lost with the connection, and
// a sender sends one again whose confirm was; by its id the second copy is known, and only acknowledged.

/** More than are ever between a sender and its confirm. */
const mostKept = 1_000

export type Seen = {
  /** Runs `handle`, unless a cast of this key was handled or is in hand: then it resolves or rejects as that one. */
  once(key: string, handle: () => Promise<void>): Promise<void>
}

export function openSeen(): Seen {
  const known = new Map<string, Promise<void>>()
  return {
    once(key, handle) {
      const before = known.get(key)
      if (before) return before
      const work = handle()
      known.set(key, work)
      // One that failed is tried again when it comes again.
      work.catch(() => known.delete(key))
      const [oldest] = known.keys()
      if (known.size > mostKept && oldest !== undefined) known.delete(oldest)
      return work
    },
  }
}
