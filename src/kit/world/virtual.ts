// The world of a test: time moves only when asked, chance comes from a seed, sockets are in memory.
// Files and processes are the host's; a cloud on simulated drivers hardly uses them.
import { CloudError } from '../errors/cloud-error.ts'
import { openActivity } from './activity.ts'
import { memorySockets } from './memory-sockets.ts'
import { type Place, placeHere, showPlaces } from './place.ts'
import { realFiles } from './real-files.ts'
import { realProcesses } from './real-processes.ts'
import { realSqlite } from './real-sqlite.ts'
import { seededRandom } from './seeded-random.ts'
import type { Clock, Sockets, TimerOptions, Timers, World } from './world.ts'

export { seededRandom }

export type VirtualWorld = World & {
  /** Moves time on, firing what is due in order, with the event loop drained in between. */
  advance(ms: number): Promise<void>
  /** Until nothing is in flight and no foreground timer is left; time jumps from one such timer to the next. */
  settle(options?: { limitMs?: number }): Promise<void>
}

/** Work in flight that no virtual time can move on is on a real thread; most such work is over in this time. */
const threadPatienceMs = 5

type Timer = { at: number; order: number; fire: () => void; background: boolean; place: Place | undefined }

/** So many of the timers that kept the world from settling are told of. */
const remembered = 50

export type VirtualOptions = {
  seed?: number
  now?: number
  name?: string
  /** Instead of those in memory, with what tells whether something is under way on them: time waits for it. */
  outside?: { sockets: Sockets; busy: () => boolean }
}

export function virtualWorld(options: VirtualOptions = {}): VirtualWorld {
  let time = options.now ?? Date.UTC(2026, 0, 1)
  const started = time
  let order = 0
  const timers = new Set<Timer>()
  const activity = openActivity({ placed: true })
  /** Where the foreground timers that fired last were set. */
  const lately: Place[] = []

  const clock: Clock = { now: () => Math.floor(time), monotonic: () => time - started }

  const after = (ms: number, fire: () => void, timerOptions: TimerOptions = {}) => {
    const background = timerOptions.background ?? false
    const place = background ? undefined : placeHere()
    const timer = { at: time + Math.max(0, ms), order: order++, fire, background, place }
    timers.add(timer)
    return () => void timers.delete(timer)
  }
  const clockwork: Timers = {
    after,
    sleep: (ms, sleepOptions = {}) =>
      new Promise((resolve, reject) => {
        const { signal } = sleepOptions
        if (signal?.aborted) return reject(signal.reason)
        const stop = () => {
          cancel()
          reject(signal?.reason)
        }
        const cancel = after(
          ms,
          () => {
            signal?.removeEventListener('abort', stop)
            resolve()
          },
          sleepOptions,
        )
        signal?.addEventListener('abort', stop, { once: true })
      }),
  }

  const next = (limit: number, all: boolean): Timer | undefined => {
    let first: Timer | undefined
    for (const timer of timers) {
      if (timer.at > limit || (timer.background && !all)) continue
      if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) first = timer
    }
    return first
  }
  const fire = (timer: Timer) => {
    timers.delete(timer)
    time = Math.max(time, timer.at)
    if (timer.place && lately.push(timer.place) > remembered) lately.shift()
    timer.fire()
  }

  async function advance(ms: number): Promise<void> {
    const until = time + ms
    await drain()
    for (let timer = next(until, true); timer; timer = next(until, true)) {
      fire(timer)
      await drain()
    }
    time = until
  }

  /** Lets promises and in-memory sockets run; work on real threads (hashing, files) shows in the activity count. */
  async function drain(): Promise<void> {
    do for (let quiet = 0; quiet < 3; quiet++) await new Promise((resolve) => setImmediate(resolve))
    while (await waited())
    const before = performance.now()
    while (
      activity.count > 0 &&
      !next(Number.POSITIVE_INFINITY, false) &&
      performance.now() - before < 30_000
    ) {
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** True where it had to wait for something outside. */
  async function waited(): Promise<boolean> {
    const over = activity.outsideOver()
    await over
    if (!options.outside?.busy()) return over !== undefined
    while (options.outside.busy()) await new Promise((resolve) => setTimeout(resolve, 1))
    return true
  }

  function unsettled(): CloudError {
    const pending = [...timers].flatMap(({ place }) => place ?? [])
    const told = Object.entries({
      'timers set': pending,
      'work begun': activity.begun,
      'timers fired last': lately,
    })
    const lines = told.flatMap(([what, places]) => showPlaces(places).map((line) => `${what}: ${line}`))
    return new CloudError(
      'timeout',
      `The cloud did not settle within its limit of virtual time. Still going on:\n${lines.join('\n')}`,
    )
  }

  async function settle(settleOptions: { limitMs?: number } = {}): Promise<void> {
    const limit = time + (settleOptions.limitMs ?? 3_600_000)
    await drain()
    for (;;) {
      // Work in flight may be waiting for a real thread: give it turns before time jumps past its deadline.
      const before = performance.now()
      while (activity.count > 0 && performance.now() - before < threadPatienceMs) {
        await new Promise((resolve) => setImmediate(resolve))
      }
      if (await waited()) await drain()
      const timer = next(limit, false)
      if (!timer) {
        if (activity.count === 0) return
        if (next(Number.POSITIVE_INFINITY, false)) throw unsettled()
        await drain()
        continue
      }
      while (true) {
        const due = next(timer.at, true)
        if (!due) break
        fire(due)
      }
      await drain()
    }
  }

  return {
    clock,
    timers: clockwork,
    random: seededRandom(options.seed ?? 1),
    files: realFiles,
    // What the test's own process uses would make some runs differ from others.
    processes: {
      ...realProcesses,
      ownMemory: () => ({ residentBytes: 64 * 2 ** 20, limitBytes: 8 * 2 ** 30 }),
    },
    sockets: options.outside?.sockets ?? memorySockets(clock),
    sqlite: realSqlite,
    threads: true,
    activity,
    env: {},
    host: { name: options.name ?? 'node1', cpus: 8, memoryBytes: 32 * 2 ** 30 },
    advance,
    settle,
  }
}
