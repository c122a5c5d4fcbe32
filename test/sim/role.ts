// A process of the simulated cloud under a supervisor, as src/main/supervise.sh keeps the real ones: started again at once
// when it ends, later and later while it keeps ending soon; with its machine, when that has power again.
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Machine, Universe, UniverseProcess } from '#kit/world/universe/universe.ts'
import type { World } from '#kit/world/world.ts'

export type Role<Running> = {
  readonly name: string
  readonly machine: Machine
  /** Present while there is one, also while it still starts. */
  readonly process: UniverseProcess | undefined
  /** What its start came to; undefined until it serves. */
  readonly running: Running | undefined
  /** At once, in the middle of whatever it does. */
  kill(why: string): void
  /** Its machine has lost its power: it stays away until `begin`. */
  lost(): void
  begin(): void
}

export type RolePlan<Running> = {
  universe: Universe
  name: string
  machine: Machine
  /** Whose start fails, ends. */
  start(world: World): Promise<Running>
  say(words: string): void
}

/** From the supervisor's start of Node until our first line. */
const shortestStartMs = 150
const longestStartMs = 700
/** As supervise.sh has them, in seconds. */
const calmSeconds = 60
const longestDelaySeconds = 30

export function superviseRole<Running>(plan: RolePlan<Running>): Role<Running> {
  const { universe, name, machine, say } = plan
  const random = universe.random(`supervisor of ${name}`)
  let process: UniverseProcess | undefined
  let running: Running | undefined
  let delaySeconds = 0
  let startedAt = 0
  let cancel = () => {}

  const begin = () => {
    cancel()
    cancel = universe.after(random.int(shortestStartMs, longestStartMs), launch)
  }
  const launch = () => {
    const started = machine.start(name)
    process = started
    startedAt = universe.clock.now()
    plan.start(started.world).then(
      (result) => {
        if (process !== started) return
        running = result
        say(`${name} serves`)
      },
      (error: unknown) => ended(started, `its start failed: ${fullMessage(error)}`),
    )
  }
  const forget = () => {
    process = undefined
    running = undefined
    cancel()
  }
  const ended = (one: UniverseProcess, why: string) => {
    if (process !== one) return
    one.kill()
    forget()
    if (universe.clock.now() - startedAt > calmSeconds * 1000) delaySeconds = 0
    say(`${name} ends (${why}), is started again in ${delaySeconds} s`)
    cancel = universe.after(delaySeconds * 1000, begin)
    delaySeconds = Math.min(delaySeconds * 2 + 1, longestDelaySeconds)
  }
  return {
    name,
    machine,
    get process() {
      return process
    },
    get running() {
      return running
    },
    kill(why) {
      if (process) ended(process, why)
    },
    lost: forget,
    begin() {
      delaySeconds = 0
      begin()
    },
  }
}
