// How many handlers run at the same time. Who only waits for its next try holds no slot, so that what lacks something doesn't
// keep out what lacks nothing.

export type Slots = {
  /** Runs the work when it is its turn; rejects with the signal's reason where that comes first. */
  hold<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>
}

export function openSlots(count: number): Slots {
  let free = count
  const waiting = new Set<() => void>()

  const take = (signal: AbortSignal): Promise<void> => {
    if (free > 0) {
      free--
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const turn = () => {
        signal.removeEventListener('abort', aborted)
        waiting.delete(turn)
        resolve()
      }
      const aborted = () => {
        waiting.delete(turn)
        reject(signal.reason)
      }
      waiting.add(turn)
      signal.addEventListener('abort', aborted, { once: true })
    })
  }

  return {
    async hold(signal, work) {
      signal.throwIfAborted()
      await take(signal)
      try {
        return await work()
      } finally {
        const [next] = waiting
        // It goes from hand to hand: nobody who comes now is before who waits.
        if (next) next()
        else free++
      }
    },
  }
}
