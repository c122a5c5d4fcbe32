// One-time passcodes by the clock, RFC 6238 with SHA-1, six digits and 30 s: what every authenticator app shows.
import { createHmac, timingSafeEqual } from 'node:crypto'

const stepMs = 30_000
const digits = 6
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** RFC 4648, padded or not, in either case, in groups as apps show it; undefined where it is none or says nothing. */
export function readBase32(text: string): Buffer | undefined {
  const letters = text.replaceAll(/[\s-]/g, '').replace(/=+$/, '').toUpperCase()
  const bytes: number[] = []
  let bits = 0
  let held = 0
  for (const letter of letters) {
    const value = alphabet.indexOf(letter)
    if (value < 0) return undefined
    held = ((held << 5) | value) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes.push((held >> bits) & 0xff)
  }
  return bytes.length === 0 ? undefined : Buffer.from(bytes)
}

/** The number of the 30 s window that holds `now`, in milliseconds since the epoch. */
export function windowOf(now: number): number {
  return Math.floor(now / stepMs)
}

/** When a window can no longer be the one asked for, nor `earlier` windows later. */
export function endOfWindow(window: number, earlier: number): number {
  return (window + 1 + earlier) * stepMs
}

export function passcode(secret: Uint8Array, window: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(window))
  const mac = createHmac('sha1', secret).update(counter).digest()
  const offset = mac.at(-1)! & 0xf
  return String((mac.readUInt32BE(offset) & 0x7fff_ffff) % 10 ** digits).padStart(digits, '0')
}

/**
 * The window of a passcode that is right now, or was in one of the `earlier` windows before; undefined otherwise. Looks at
 * all of them, so that the time it takes says nothing. That a passcode is good once is for the caller to see to.
 */
export function matchingWindow(
  secret: Uint8Array,
  given: string,
  now: number,
  earlier: number,
): number | undefined {
  const offered = Buffer.from(given.trim())
  const current = windowOf(now)
  let found: number | undefined
  for (let window = current; window >= Math.max(0, current - earlier); window--) {
    const right = Buffer.from(passcode(secret, window))
    if (offered.length === right.length && timingSafeEqual(offered, right)) found ??= window
  }
  return found
}
