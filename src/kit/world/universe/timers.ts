// A process's timers in the universe's time.
import type { Timers } from '../world.ts'
import type { Loop } from './loop.ts'
import type { Owner } from './queue.ts'

export function ownedTimers(loop: Loop, owner: Owner): Timers {
  const after: Timers['after'] = (ms, fire) => loop.after(owner, ms, 'timer', fire)
  return {
    after,
    sleep: (ms, options = {}) =>
      new Promise((resolve, reject) => {
        const { signal } = options
        if (signal?.aborted) return reject(signal.reason)
        const stop = () => {
          cancel()
          reject(signal?.reason)
        }
        const cancel = after(ms, () => {
          signal?.removeEventListener('abort', stop)
          resolve()
        })
        signal?.addEventListener('abort', stop, { once: true })
      }),
  }
}
