// Clock, timers and randomness of the host.
import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import type { Clock, Random, Timers } from './world.ts'

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}

export const realTimers: Timers = {
  after(ms, fire) {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  },
  sleep(ms, options = {}) {
    return new Promise((resolve, reject) => {
      const { signal } = options
      if (signal?.aborted) return reject(signal.reason)
      const stop = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop)
        resolve()
      }, ms)
      signal?.addEventListener('abort', stop, { once: true })
    })
  },
}

export function realRandom(): Random {
  return {
    bytes: (count) => randomBytes(count),
    uuid: () => randomUUID(),
    hexId: () => randomBytes(16).toString('hex'),
    int: (min, below) => randomInt(min, below),
  }
}
