// How many requests a project and an address may make of a service: token buckets, off unless configured.
import { CloudError } from '../errors/cloud-error.ts'

export type Limits = {
  /** Bytes of a JSON body, unless its route says another number. */
  bodyLimit: number
  /** Requests per second that a project may make in the long run; 0 for any number. */
  projectRate: number
  /** How many it may make at once. */
  projectBurst: number
  /** The same of an address. */
  addressRate: number
  addressBurst: number
  /** Proxies whose word on whom they forward for is taken. */
  trustedProxies: readonly string[]
  /** Origins whose pages may call from a browser: 'https://cloud.example.com'; '*' is all. */
  allowedOrigins: readonly string[]
}

export const usualLimits: Limits = {
  bodyLimit: 1024 * 1024,
  projectRate: 0,
  projectBurst: 0,
  addressRate: 0,
  addressBurst: 0,
  trustedProxies: [],
  allowedOrigins: [],
}

export type Buckets = {
  /** Throws 'tooManyRequests' with Retry-After where none is left for `key`. */
  take(key: string, now: number): void
}

type Bucket = { left: number; at: number }

/** So many are remembered before those that are full again are forgotten. */
const maxBuckets = 10_000

/** `rate` a second, `burst` at once; `now` is in milliseconds, monotonic. */
export function buckets(rate: number, burst: number, whose: string): Buckets | undefined {
  if (rate <= 0) return undefined
  const size = Math.max(burst, 1)
  const known = new Map<string, Bucket>()
  const leftAt = (bucket: Bucket, now: number) =>
    Math.min(size, bucket.left + (Math.max(0, now - bucket.at) * rate) / 1000)
  const forget = (now: number) => {
    for (const [key, bucket] of known) if (leftAt(bucket, now) >= size) known.delete(key)
    // All are in use: those who came first begin anew, many at once, so that this isn't done for each newcomer.
    for (const key of known.keys()) {
      if (known.size < maxBuckets * 0.9) break
      known.delete(key)
    }
  }
  return {
    take(key, now) {
      const bucket = known.get(key)
      const left = bucket ? leftAt(bucket, now) : size
      if (left < 1) throw tooMany(whose, Math.ceil((1 - left) / rate))
      if (bucket) {
        bucket.left = left - 1
        bucket.at = now
        return
      }
      if (known.size >= maxBuckets) forget(now)
      known.set(key, { left: left - 1, at: now })
    },
  }
}

function tooMany(whose: string, seconds: number): CloudError {
  const wait = String(Math.max(1, seconds))
  return new CloudError('tooManyRequests', `This ${whose} makes too many requests; retry after ${wait} s.`, {
    type: 'TooManyRequests',
    headers: { 'retry-after': wait },
  })
}
