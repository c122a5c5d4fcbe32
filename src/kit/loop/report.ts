// The heart-beat of an agent: what a host tells the service that leads it, over and over, each time as work of its own.

import { type Journal, quiet, type Trace } from '../journal/journal.ts'
import type { Log } from '../log/log.ts'
import type { World } from '../world/world.ts'
import { type RunningLoop, startLoop } from './loop.ts'

export type ReportLoop = {
  name: string
  everyMs: number
  /** As a loop has it. */
  phase?: number | undefined
  /** `startedAt` is the agent's start, in milliseconds since the epoch: by it the service knows a restart. */
  send(startedAt: number, options: { trace: Trace }): Promise<unknown>
}

/** The first report is sent when `nudge` is called first. */
export function startReports(world: World, log: Log, journal: Journal, given: ReportLoop): RunningLoop {
  const startedAt = world.clock.now()
  return startLoop(world, log, {
    name: given.name,
    everyMs: given.everyMs,
    phase: given.phase,
    async run() {
      await given.send(startedAt, { trace: quiet(journal.newTrace()) })
    },
  })
}
