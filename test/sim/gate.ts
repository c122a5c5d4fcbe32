// Stands before a simulated host's drivers and lets faults in: calls that fail before or after their effect, that hang, and
// ones at which the process that makes them dies. Works on any driver: it knows none of their methods.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Random } from '#kit/world/world.ts'

/** `after`: it was done, and the answer was lost. `hang`: nothing comes until the trouble is over. */
export type Trouble = {
  how: 'before' | 'after' | 'hang'
  /** Of a hundred calls. */
  percent: number
  /** 'virt', 'wiring' or 'volume'; absent means all. */
  driver?: string
}

export type Gate = {
  trouble: Trouble | undefined
  /**
   * Runs at the n-th call from now, 1 being the next: before its effect, or when it is done but not yet answered. There is
   * one trap at a time; what comes back takes it away.
   */
  trap(nth: number, when: 'before' | 'after', fire: () => void): () => void
  /** Whoever hangs gets an error now. */
  release(): void
  /** The same driver behind the gate. */
  guard<T extends object>(name: string, driver: T): T
}

/** They only look, or begin to listen: nothing on the host can fail at them. */
const passing = new Set(['info', 'events', 'inventory', 'fail', 'reach', 'guestEnds', 'close', 'then'])

export function openGate(random: Random): Gate {
  let trap: { left: number; when: 'before' | 'after'; fire: () => void } | undefined
  let hanging: (() => void)[] = []

  const verdict = (driver: string): Trouble['how'] | undefined => {
    const { trouble } = gate
    if (!trouble || (trouble.driver !== undefined && trouble.driver !== driver)) return undefined
    return random.int(0, 100) < trouble.percent ? trouble.how : undefined
  }
  const sprung = () => {
    if (!trap || --trap.left > 0) return undefined
    const due = trap
    trap = undefined
    return due
  }
  const call = async (driver: string, method: string, work: () => Promise<unknown>): Promise<unknown> => {
    const due = sprung()
    const how = verdict(driver)
    const failure = () => new CloudError('unavailable', `The simulated host failed at ${driver}.${method}.`)
    if (due?.when === 'before') due.fire()
    if (how === 'before') throw failure()
    if (how === 'hang' && random.int(0, 2) === 0) await hang()
    const result = await work()
    if (due?.when === 'after') due.fire()
    if (how === 'after') throw failure()
    if (how === 'hang') await hang()
    return result
  }
  const hang = () =>
    new Promise<void>((_, reject) => {
      const late = new CloudError('timeout', 'The simulated host did not answer.')
      hanging.push(() => reject(late))
    })

  const gate: Gate = {
    trouble: undefined,
    trap(nth, when, fire) {
      const set = { left: nth, when, fire }
      trap = set
      return () => {
        if (trap === set) trap = undefined
      }
    },
    release() {
      const freed = hanging
      hanging = []
      for (const free of freed) free()
    },
    guard<T extends object>(name: string, driver: T): T {
      return new Proxy(driver, {
        get(target, key) {
          const value: unknown = Reflect.get(target, key, target)
          if (typeof value !== 'function' || typeof key !== 'string') return value
          if (passing.has(key)) return value.bind(target)
          return (...args: unknown[]) => call(name, key, async () => value.apply(target, args))
        },
      })
    },
  }
  return gate
}
