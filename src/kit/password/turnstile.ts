// Lets a few pieces of work run at once; the others wait in their order, and beyond that they are refused.
import { CloudError } from '../errors/cloud-error.ts'

export type Turnstile = {
  /** Throws kind 'unavailable' where too many wait already. */
  pass<T>(work: () => Promise<T>): Promise<T>
}

export function openTurnstile(limits: { atOnce: number; waiting: number }): Turnstile {
  const queue: (() => void)[] = []
  let running = 0
  const leave = () => {
    const next = queue.shift()
    // The place goes straight to who waits, so that nobody slips in between.
    if (next) next()
    else running--
  }
  return {
    async pass(work) {
      if (running >= limits.atOnce) {
        if (queue.length >= limits.waiting)
          throw new CloudError('unavailable', 'Too many logins at once; try again in a moment', {
            headers: { 'Retry-After': '2' },
          })
        await new Promise<void>((enter) => queue.push(enter))
      } else running++
      try {
        return await work()
      } finally {
        leave()
      }
    },
  }
}
