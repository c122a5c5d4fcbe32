// Clock, timers and randomness of the host.
import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import type { Clock, Random, Timers } from './world.ts'

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}

/** Node fires at once, with a warning, where the time is negative or longer than this, which is 24.8 days. */
const longestMs = 2 ** 31 - 1

export const realTimers: Timers = {
  after(ms, fire) {
    let timer: NodeJS.Timeout
    const wait = (left: number) => {
      const part = Math.min(Math.max(left, 0), longestMs)
      timer = setTimeout(() => (left > part ? wait(left - part) : fire()), part)
    }
    wait(ms)
    return () => clearTimeout(timer)
  },
  sleep(ms, options = {}) {
    return new Promise((resolve, reject) => {
      const { signal } = options
      if (signal?.aborted) return reject(signal.reason)
      const stop = () => {
        cancel()
        reject(signal?.reason)
      }
      const cancel = realTimers.after(ms, () => {
        signal?.removeEventListener('abort', stop)
        resolve()
      })
      signal?.addEventListener('abort', stop, { once: true })
    })
  },
}

/** Random octets are drawn for so many ids at once: the system's source is asked for few of them as slowly as for many. */
const idsAtOnce = 256
const idBytes = 16

export function realRandom(): Random {
  let pool = Buffer.alloc(0)
  let used = 0
  const drawn = () => {
    if (used === pool.length) {
      pool = randomBytes(idsAtOnce * idBytes)
      used = 0
    }
    used += idBytes
    return pool.subarray(used - idBytes, used)
  }
  return {
    bytes: (count) => randomBytes(count),
    uuid: () => randomUUID(),
    hexId: () => drawn().toString('hex'),
    int: (min, below) => randomInt(min, below),
  }
}
