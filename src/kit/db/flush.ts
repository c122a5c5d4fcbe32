// Flushes commits to disk off the event loop, one flush for all who wait: a transaction is answered when what it
// committed survives a power cut, and others go on meanwhile.

export type Flush = {
  /** There is something new, which the next flush takes with it. */
  committed(): void
  /** Resolves when all that was committed before the call is on disk. */
  flushed(): Promise<void>
}

export function groupFlush(flush: () => Promise<void>): Flush {
  let isNew = false
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined

  const run = (): Promise<void> => {
    isNew = false
    const mine = flush()
      .catch((error) => {
        isNew = true
        throw error
      })
      .finally(() => {
        if (running === mine) running = undefined
      })
    running = mine
    return mine
  }
  return {
    committed() {
      isNew = true
    },
    async flushed() {
      if (!isNew) return running ?? next
      if (!running) return run()
      // The one under way may have begun before the newest commit.
      next ??= running
        .catch(() => {})
        .then(() => {
          next = undefined
          return run()
        })
      return next
    },
  }
}
