// The event loop of a universe: virtual time, one event after the other, and between two of them everything that
// became ready is worked off (promises, ticks, turns). What happens depends on the seed and on nothing of the host.
import { CloudError } from '../../errors/cloud-error.ts'
import type { Cancel, Random } from '../world.ts'
import { EventQueue, type Owner } from './queue.ts'

/** A turn of a process's event loop takes a microsecond: whoever waits turn by turn doesn't stop time. */
const turnMs = 0.001

export type TraceLine = { number: number; at: number; owner: string; kind: string }

export type Loop = {
  /** Milliseconds since the universe began. */
  readonly time: number
  readonly fired: number
  /** Changes with each event, its time, owner and kind: two runs that agree have done the same. */
  readonly hash: string
  after(owner: Owner, ms: number, kind: string, fire: () => void): Cancel
  /** In the owner's next turn, after those that were asked for before. */
  soon(owner: Owner, fire: () => void): Cancel
  /** Whose event runs, or ran last. */
  readonly current: Owner | undefined
  /** Told when the universe begins to run and when it stops. */
  onRun: { begin(): void; end(): void }
  advance(ms: number): Promise<void>
  /** Until `work` is settled; rejects with kind 'timeout' where it isn't in `limitMs` of virtual time. */
  until<T>(work: Promise<T>, limitMs: number): Promise<T>
}

const realTurn = globalThis.setImmediate

export function openLoop(random: Random, trace?: (line: TraceLine) => void): Loop {
  const queue = new EventQueue()
  let time = 0
  let order = 0
  let fired = 0
  let [high, low] = [0x9e3779b9, 0x85ebca6b]
  let running = false
  let current: Owner | undefined

  const add = (owner: Owner, at: number, lot: number, kind: string, fire: () => void): Cancel => {
    const event = { at, lot, order: order++, owner, kind, fire: fire as (() => void) | undefined }
    queue.add(event)
    return () => {
      event.fire = undefined
    }
  }
  const note = (at: number, owner: string, kind: string) => {
    high = mix(high, Math.round(at * 1000))
    for (let i = 0; i < owner.length; i++) low = Math.imul(low ^ owner.charCodeAt(i), 0x01000193)
    for (let i = 0; i < kind.length; i++) low = Math.imul(low ^ kind.charCodeAt(i), 0x01000193)
    high = mix(high, low)
    trace?.({ number: fired, at, owner, kind })
  }
  /** Fires the next live event that is due; false where there is none. */
  const step = (limit: number): boolean => {
    for (;;) {
      const { first } = queue
      if (!first || first.at > limit) return false
      queue.take()
      const { fire, owner, at, kind } = first
      if (!fire || !owner.alive) continue
      if (at > time) time = at
      fired++
      note(at, owner.name, kind)
      current = owner
      fire()
      return true
    }
  }
  /** `done` is looked at between events. */
  const run = (limit: number, done: () => boolean): Promise<void> => {
    if (running) throw new CloudError('internal', 'The universe is being moved on already')
    running = true
    loop.onRun.begin()
    const end = () => {
      running = false
      current = undefined
      loop.onRun.end()
    }
    return new Promise<void>((resolve, reject) => {
      const next = () => {
        try {
          if (isBusyOutside()) realTurn(next)
          else if (!done() && step(limit)) realTurn(next)
          else {
            end()
            resolve()
          }
        } catch (error) {
          end()
          reject(error)
        }
      }
      realTurn(next)
    })
  }
  const loop: Loop = {
    get time() {
      return time
    },
    get fired() {
      return fired
    },
    get hash() {
      return (high >>> 0).toString(16).padStart(8, '0') + (low >>> 0).toString(16).padStart(8, '0')
    },
    after: (owner, ms, kind, fire) => add(owner, time + Math.max(0, ms), random.int(0, 2 ** 31), kind, fire),
    get current() {
      return current
    },
    onRun: { begin() {}, end() {} },
    soon: (owner, fire) => add(owner, time + turnMs, -1, 'turn', fire),
    async advance(ms) {
      const limit = time + ms
      await run(limit, () => false)
      time = limit
    },
    async until<T>(work: Promise<T>, limitMs: number): Promise<T> {
      let settled = false
      const mark = () => {
        settled = true
      }
      work.then(mark, mark)
      const limit = time + limitMs
      await run(limit, () => settled)
      if (settled) return work
      time = limit
      throw new CloudError('timeout', `Not over within ${limitMs / 1000} s of virtual time`)
    },
  }
  return loop
}

function mix(state: number, word: number): number {
  return Math.imul((state ^ word) + 0x9e3779b9, 0x85ebca6b) ^ (state >>> 13)
}

/** Work on the host's own files or threads, such as a module that is being loaded: the universe waits for its end. */
function isBusyOutside(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'))
}
