// The life of an agent that keeps one thing on its host as a service wants it: turns of its reconciler, asked for over the bus
// and by what it sees on the host, and the heart-beat by which the service knows that it lives.

import type { Journal, Trace } from '../journal/journal.ts'
import type { Log } from '../log/log.ts'
import type { World } from '../world/world.ts'
import { startReports } from './report.ts'
import { startTurns, type TurnLoop, type Turns } from './turns.ts'

export type AgentPace = {
  /** Of its loops, in the log: 'dhcp' and 'dhcp-report'. */
  name: string
  /** In milliseconds, as the next. */
  turnEvery: number
  reportEvery: number
  /** Of both, as a loop has it. */
  phase: number | undefined
}

export type AgentWork = {
  turn: TurnLoop['turn']
  /** Sends the heart-beat. 'new': the service did not know the agent, so what it was told before is lost. */
  report(startedAt: number, options: { trace: Trace }): Promise<{ status: string }>
  /** Tell everything again. */
  forgetReports(): void
  /** Takes what the bus brings. */
  serve(): Promise<{ stop(): Promise<void> }>
  /** Looks at the host; what it gives ends that. */
  watch(): () => void
}

export type Agent = {
  /** Look again soon; `trace` is the work that asks for it. */
  nudge(trace?: Trace): void
  /** What it keeps on the host stays as it is. */
  stop(): Promise<void>
}

/** `open` makes what it does, and may ask for turns by what it is given. */
export async function startAgent(
  world: World,
  log: Log,
  journal: Journal,
  pace: AgentPace,
  open: (turns: Turns) => AgentWork,
): Promise<Agent> {
  const turns = startTurns(world, log, journal, {
    name: pace.name,
    everyMs: pace.turnEvery,
    phase: pace.phase,
    turn: (trace) => work.turn(trace),
  })
  const report = startReports(world, log, journal, {
    name: `${pace.name}-report`,
    everyMs: pace.reportEvery,
    phase: pace.phase,
    async send(startedAt, options) {
      const { status } = await work.report(startedAt, options)
      if (status !== 'new') return
      work.forgetReports()
      turns.nudge()
    },
  })
  const work = open(turns)
  const served = await work.serve()
  const stopWatching = work.watch()
  report.nudge()
  turns.nudge()
  return {
    nudge: turns.nudge,
    async stop() {
      stopWatching()
      await served.stop()
      await turns.stop()
      await report.stop()
    },
  }
}
