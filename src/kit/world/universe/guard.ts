// While a universe runs, the host's clock, timers and chance are the universe's own, so that libraries which reach for
// them stay within the seed. Whoever in src/ does is listed: the World is the door there.
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import type { Cancel, Random } from '../world.ts'

export type Standing = {
  /** Milliseconds since the epoch, on the clock of whoever runs now. */
  now(): number
  monotonic(): number
  random: Random
  after(ms: number, fire: () => void): Cancel
  /** In the next turn of whoever runs now. */
  soon(fire: () => void): Cancel
}

export type Guard = {
  on(): void
  off(): void
  /** 'Date.now at src/services/x/y.ts:12', each once. */
  readonly leaks: readonly string[]
}

/** Calls that are looked at for where they come from, by name: a stack costs more than what it guards. */
const lookedAt = 300
const ours = /(?:\/|#)(src\/(?!kit\/world\/|kit\/log\/)[\w./-]+:\d+)/

export function openGuard(standing: Standing): Guard {
  const leaks = new Set<string>()
  const calls = new Map<string, number>()
  const note = (name: string) => {
    const count = (calls.get(name) ?? 0) + 1
    calls.set(name, count)
    if (count > lookedAt) return
    const at = ours.exec(callerLine())?.[1]
    if (at) leaks.add(`${name} at ${at}`)
  }
  const { random } = standing
  const RealDate = globalThis.Date
  const GuardedDate = new Proxy(RealDate, {
    construct(target, given, asked) {
      if (given.length > 0) return Reflect.construct(target, given, asked)
      note('new Date()')
      return Reflect.construct(target, [standing.now()], asked)
    },
    apply: () => new RealDate(standing.now()).toString(),
    get(target, name, receiver) {
      if (name === 'now') return now
      return Reflect.get(target, name, receiver)
    },
  })
  const now = () => {
    note('Date.now')
    return standing.now()
  }
  /** Those that were given out here. */
  const handles = new WeakSet<object>()
  const timer = (name: string, cancel: Cancel, again: () => Cancel) => {
    note(name)
    let stop = cancel
    const handle = {
      ref: () => handle,
      unref: () => handle,
      hasRef: () => true,
      refresh() {
        stop()
        stop = again()
        return handle
      },
      close: () => stop(),
      [Symbol.dispose]: () => stop(),
    }
    handles.add(handle)
    return handle
  }
  const clear = (real: (handle: never) => void) => (handle: unknown) => {
    if (handles.has(handle as object)) (handle as { close(): void }).close()
    else real(handle as never)
  }
  const setTimeoutHere = (fire: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
    const begin = () => standing.after(ms, () => fire(...args))
    return timer('setTimeout', begin(), begin)
  }
  const setIntervalHere = (fire: (...args: unknown[]) => void, ms = 1, ...args: unknown[]) => {
    let cancel: Cancel = () => {}
    const begin = () => {
      const next = () => {
        cancel = standing.after(Math.max(1, ms), () => {
          next()
          fire(...args)
        })
      }
      next()
      return () => cancel()
    }
    return timer('setInterval', begin(), begin)
  }
  // A turn takes no time that matters and its order is the universe's: no leak.
  const setImmediateHere = (fire: (...args: unknown[]) => void, ...args: unknown[]) => {
    const stop = standing.soon(() => fire(...args))
    const handle = { close: stop, unref() {}, ref() {}, hasRef: () => true, [Symbol.dispose]: stop }
    handles.add(handle)
    return handle
  }
  const drawn = <T>(name: string, draw: () => T): T => {
    note(name)
    return draw()
  }
  const fill = (name: string, into: ArrayBufferView) =>
    drawn(name, () => {
      const octets = new Uint8Array(into.buffer, into.byteOffset, into.byteLength)
      octets.set(random.bytes(octets.length))
      return into
    })
  const replaced: [object, string, unknown][] = [
    [globalThis, 'Date', GuardedDate],
    [globalThis, 'setTimeout', setTimeoutHere],
    [globalThis, 'setInterval', setIntervalHere],
    [globalThis, 'setImmediate', setImmediateHere],
    [globalThis, 'clearTimeout', clear(globalThis.clearTimeout as (handle: never) => void)],
    [globalThis, 'clearInterval', clear(globalThis.clearInterval as (handle: never) => void)],
    [globalThis, 'clearImmediate', clear(globalThis.clearImmediate as (handle: never) => void)],
    [Math, 'random', () => drawn('Math.random', () => random.int(0, 2 ** 31) / 2 ** 31)],
    [performance, 'now', () => drawn('performance.now', () => standing.monotonic())],
    [
      crypto,
      'randomBytes',
      (count: number, done?: (error: null, bytes: Buffer) => void) => {
        const bytes = drawn('randomBytes', () => random.bytes(count))
        if (done) standing.soon(() => done(null, bytes))
        return bytes
      },
    ],
    [crypto, 'randomUUID', () => drawn('randomUUID', () => random.uuid())],
    [
      crypto,
      'randomInt',
      (min: number, max?: number) =>
        drawn('randomInt', () => (max === undefined ? random.int(0, min) : random.int(min, max))),
    ],
    [crypto, 'randomFillSync', (into: ArrayBufferView) => fill('randomFillSync', into)],
    [globalThis.crypto, 'getRandomValues', (into: ArrayBufferView) => fill('getRandomValues', into)],
    [globalThis.crypto, 'randomUUID', () => drawn('randomUUID', () => random.uuid())],
  ]
  let before: [object, string, PropertyDescriptor | undefined][] | undefined
  return {
    on() {
      before ??= replaced.map(([place, name, value]) => {
        const own = Object.getOwnPropertyDescriptor(place, name)
        Object.defineProperty(place, name, {
          value,
          configurable: true,
          writable: true,
          enumerable: own?.enumerable,
        })
        return [place, name, own]
      })
      syncBuiltinESMExports()
    },
    off() {
      for (const [place, name, own] of before ?? []) {
        if (own) Object.defineProperty(place, name, own)
        else Reflect.deleteProperty(place, name)
      }
      before = undefined
      syncBuiltinESMExports()
    },
    get leaks() {
      return [...leaks].sort()
    },
  }
}

/** The line that called one of the above. */
function callerLine(): string {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 7
  const lines = (new Error().stack ?? '').split('\n').slice(1)
  Error.stackTraceLimit = limit
  return lines.find((line) => !line.includes('/kit/world/universe/guard.')) ?? ''
}
