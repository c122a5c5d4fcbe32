// Stands between a host's agents and a driver, whichever it is, and makes its operations fail, hang or be slow.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { DriverKind } from '#services/simulation/resources/fault-kind.ts'

export type DriverFault = {
  driver: DriverKind
  operation: string
  /** Which of the calls from now on is the first; 1 is the next. */
  nth: number
  /** How many from there on. */
  times: number
  effect: 'fail-before' | 'fail-after' | 'hang' | 'slow'
  latencyMs?: number
  /** Only such calls; the default is all. */
  matches?(args: readonly unknown[]): boolean
  error?: () => Error
}

export type DriverDoor = {
  /** The driver with faults before it; the last one of a kind is the one that `current` gives. */
  through<D extends object>(kind: DriverKind, driver: D): D
  current(kind: DriverKind): object | undefined
  /** Kind 'notFound' where the driver has no such operation. The result ends it; what hangs goes on then. */
  add(fault: DriverFault): () => void
}

type Struck = DriverFault & { calls: number; over: Promise<void>; end(): void }

/** They answer at once, and no caller waits for them: nothing to hang or to fail. */
const notOperations = new Set(['events', 'close', 'info', 'reach', 'inventory', 'fail', 'constructor'])

export function driverDoor({ timers }: Pick<World, 'timers'>): DriverDoor {
  const current = new Map<DriverKind, object>()
  const faults = new Set<Struck>()

  const due = (kind: DriverKind, operation: string, args: readonly unknown[]): Struck | undefined => {
    let found: Struck | undefined
    for (const fault of faults) {
      if (fault.driver !== kind || fault.operation !== operation) continue
      if (fault.matches && !fault.matches(args)) continue
      fault.calls++
      if (fault.calls >= fault.nth && fault.calls < fault.nth + fault.times) found ??= fault
    }
    return found
  }
  const strike = async (fault: Struck, work: () => unknown): Promise<unknown> => {
    const failure = () =>
      fault.error?.() ??
      new CloudError('internal', `The simulated ${fault.driver} driver failed at ${fault.operation}.`)
    if (fault.effect === 'fail-before') throw failure()
    if (fault.effect === 'hang') await fault.over
    if (fault.effect === 'slow') await timers.sleep(fault.latencyMs ?? 1_000)
    const result = await work()
    if (fault.effect === 'fail-after') throw failure()
    return result
  }

  return {
    through(kind, driver) {
      current.set(kind, driver)
      return new Proxy(driver, {
        get(target, name, receiver) {
          const member: unknown = Reflect.get(target, name, receiver)
          if (typeof member !== 'function' || typeof name !== 'string' || notOperations.has(name))
            return member
          return (...args: unknown[]) => {
            const work = () => Reflect.apply(member, target, args)
            const fault = faults.size > 0 ? due(kind, name, args) : undefined
            return fault ? strike(fault, work) : work()
          }
        },
      })
    },
    current: (kind) => current.get(kind),
    add(fault) {
      const driver = current.get(fault.driver) as Record<string, unknown> | undefined
      if (driver) {
        const operations = Object.keys(driver).filter(
          (name) => typeof driver[name] === 'function' && !notOperations.has(name),
        )
        if (!operations.includes(fault.operation))
          throw new CloudError(
            'badRequest',
            `fault.operation: the ${fault.driver} driver has no operation '${fault.operation}'. It has ${operations.sort().join(', ')}.`,
          )
      }
      let end = () => {}
      const over = new Promise<void>((resolve) => {
        end = resolve
      })
      const struck: Struck = { ...fault, calls: 0, over, end: () => end() }
      faults.add(struck)
      return () => {
        faults.delete(struck)
        struck.end()
      }
    },
  }
}
