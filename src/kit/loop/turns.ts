// The loop of an agent that keeps a host as the cloud wants it: a turn each interval, one when somebody asks, and one soon
// after a turn that could not do all. A turn goes by the trace of the work that asked for it last.

import { type Journal, quiet, type Trace } from '../journal/journal.ts'
import type { Log } from '../log/log.ts'
import type { World } from '../world/world.ts'
import { startLoop } from './loop.ts'

/** Soon, but not in a circle: a host that fails is asked again once a second. */
const soonMs = 1000

export type TurnLoop = {
  name: string
  /** Takes a turn at least this often, in milliseconds. */
  everyMs: number
  /** As a loop has it. */
  phase?: number | undefined
  /** `again` where something is left over that a turn in a second may find done. A turn that throws is taken again then too. */
  turn(trace: Trace): Promise<{ again: boolean }>
}

export type Turns = {
  /** Take a turn now; `trace` is the work that asks for it. */
  nudge(trace?: Trace): void
  /** Take a turn in a second: something has changed by itself, such as a program that ended. */
  soon(): void
  stop(): Promise<void>
}

/** The first turn is taken when `nudge` is called first. */
export function startTurns(world: World, log: Log, journal: Journal, given: TurnLoop): Turns {
  let cause: Trace | undefined
  let stopped = false
  let cancelSoon = () => {}
  const soon = () => {
    cancelSoon()
    if (!stopped) cancelSoon = world.timers.after(soonMs, () => loop.nudge(), { background: true })
  }
  const loop = startLoop(world, log, {
    name: given.name,
    everyMs: given.everyMs,
    phase: given.phase,
    async run() {
      const trace = cause ? journal.childOf(cause) : quiet(journal.newTrace())
      cause = undefined
      try {
        const { again } = await given.turn(trace)
        if (again) soon()
      } catch (error) {
        soon()
        throw error
      }
    },
  })
  return {
    nudge(trace) {
      cause = trace ?? cause
      loop.nudge()
    },
    soon,
    async stop() {
      stopped = true
      cancelSoon()
      await loop.stop()
    },
  }
}
