// The small windows of a process: just before or just after its n-th statement, file operation or message.
import type { Cancel, Random } from '../world.ts'
import type { Owner, Step } from './queue.ts'

type Trap = { step: Step; left: number; before: boolean; fire: () => void }

export type Traps = {
  set(step: Step, nth: number, fire: () => void): Cancel
  readonly due: NonNullable<Owner['trap']>
}

export function openTraps(random: Random): Traps {
  let waiting: Trap[] = []
  return {
    set(step, nth, fire) {
      const trap = { step, left: nth, before: random.int(0, 2) === 0, fire }
      waiting.push(trap)
      return () => {
        waiting = waiting.filter((each) => each !== trap)
      }
    },
    due(step) {
      if (waiting.length === 0) return undefined
      let due: Trap | undefined
      for (const trap of waiting) if (trap.step === step && --trap.left <= 0) due ??= trap
      if (due) waiting = waiting.filter((each) => each !== due)
      return due
    },
  }
}
