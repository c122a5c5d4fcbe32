// Periodic and nudged reconcilers: a loop looks at all of its condition each time it runs, so a lost nudge only delays it.

import { fullMessage } from '../errors/cloud-error.ts'
import type { Log } from '../log/log.ts'
import type { World } from '../world/world.ts'

export type Loop = {
  name: string
  /** Runs at least this often, in milliseconds. */
  everyMs: number
  /** Part of `everyMs` that it waits the first time, all of it unless given: many that begin at the same moment part by it. */
  phase?: number | undefined
  run(): Promise<void>
}

export type RunningLoop = {
  /** Run soon; while it runs, once more after. */
  nudge(): void
  stop(): Promise<void>
}

export function startLoop(world: World, log: Log, loop: Loop): RunningLoop {
  let running: Promise<void> | undefined
  let again = false
  let stopped = false
  let cancelTimer = () => {}
  let waitMs = loop.everyMs * (loop.phase ?? 1)

  const schedule = () => {
    cancelTimer()
    const over = () => {
      waitMs = loop.everyMs
      turn()
    }
    if (!stopped) cancelTimer = world.timers.after(waitMs, over, { background: true })
  }
  const turn = () => {
    if (stopped) return
    if (running) {
      again = true
      return
    }
    running = world.activity
      .track(loop.run())
      .catch((error) =>
        log.error({ loop: loop.name, error: fullMessage(error) }, 'a loop failed and will run again'),
      )
      .then(() => {
        running = undefined
        if (again) {
          again = false
          turn()
        } else schedule()
      })
  }
  schedule()
  return {
    nudge: turn,
    async stop() {
      stopped = true
      again = false
      cancelTimer()
      await running
    },
  }
}
