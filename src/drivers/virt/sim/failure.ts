// Failures of a simulated host that tests and faults plan by the number of a call.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'

export type SimOperation =
  | 'create'
  | 'image'
  | 'start'
  | 'stop'
  | 'reboot'
  | 'destroy'
  | 'attachVolume'
  | 'detachVolume'
  | 'attachInterface'
  | 'detachInterface'

export type SimFailure = {
  operation: SimOperation
  /** Which of the calls from now on fails; 1 is the next. */
  nth?: number
  /** Before it had an effect or after; the caller sees an error both ways. */
  when?: 'before' | 'after'
  error?: CloudError
}

export function openFailures(world: World) {
  const planned: (SimFailure & { left: number })[] = []
  return {
    fail: (failure: SimFailure) => void planned.push({ ...failure, left: failure.nth ?? 1 }),
    /** Runs one operation with the failures that are due for it. */
    async operate<T>(operation: SimOperation, work: () => Promise<T>): Promise<T> {
      const due: SimFailure[] = []
      for (const failure of planned.filter((one) => one.operation === operation)) {
        failure.left -= 1
        if (failure.left > 0) continue
        planned.splice(planned.indexOf(failure), 1)
        due.push(failure)
      }
      const raise = (failure: SimFailure) => {
        throw failure.error ?? new CloudError('internal', `The simulated host failed at ${operation}.`)
      }
      for (const failure of due) if (failure.when !== 'after') raise(failure)
      const result = await world.activity.track(work())
      for (const failure of due) raise(failure)
      return result
    },
  }
}
