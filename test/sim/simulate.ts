// One run: a cloud is raised, clients work in it while faults come and go, then the faults end, time runs on until all
// that was begun is over, and what must hold is looked at.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Cancel } from '#kit/world/world.ts'
import { openSimCloud, type SimCloud } from './cloud.ts'
import { faults } from './fault/table.ts'
import { checkInvariants } from './invariant/check.ts'
import type { Violation } from './invariant/fact.ts'
import { type Bursts, keptFaults, type PlannedFault, planFaults } from './plan.ts'
import { openTape } from './tape.ts'
import { startWorkload } from './workload/start.ts'

export type SimPlan = {
  seed: number
  hosts: number
  /** Of virtual time, with clients and faults. */
  minutes: number
  /** When clients work; all the time without. */
  bursts?: Bursts
  /** Kinds that may come; none is a run without faults. */
  kinds: readonly string[]
  /** Of the planned faults only these. */
  keep?: readonly number[]
  /** Sees each line as it comes. */
  write?: (line: string) => void
}

export type SimOutcome = {
  seed: number
  hash: string
  /** Faults of the whole plan, left out or not. */
  planned: number
  injected: number
  /** What clients did, by outcome. */
  operations: Record<string, number>
  /** Requests, messages, task steps and the like: events of the journal. */
  events: number
  virtualMs: number
  /** Of virtual time after the faults' end until nothing was left to say. */
  settledMs: number
  violations: Violation[]
  /** Oldest first. */
  last: string[]
}

/** Times after the end at which the cloud may be at rest; what is still wrong at the last is reported. */
const restMinutes = [1, 3, 8, 20]
const minuteMs = 60_000
/** A client waits for a server, asks again where answers are lost, and gives up. */
const stopLimitMs = 60 * minuteMs

export async function simulate(plan: SimPlan): Promise<SimOutcome> {
  const tape = openTape(plan.write)
  const cloud = await openSimCloud({ seed: plan.seed, hosts: plan.hosts, tape })
  const { universe } = cloud
  const lengthMs = plan.minutes * minuteMs
  const all = planFaults(cloud.random('fault plan'), { lengthMs, kinds: plan.kinds, bursts: plan.bursts })
  const chosen = keptFaults(all, plan.keep)
  try {
    const begun = universe.clock.now()
    const workload = await universe.until(
      startWorkload(cloud, cloud.random('workload'), { bursts: plan.bursts }),
    )
    const running = startFaults(cloud, chosen)
    await universe.advance(lengthMs)
    running.endAll()
    cloud.say('the faults have ended')
    const ended = universe.clock.now()
    const violations = await universe.until(workload.stop(), stopLimitMs).then(
      () => atRest(cloud, () => checkInvariants(cloud, workload), ended),
      (error: unknown) => [stuck('clients do not come to an end with what they began', error)],
    )
    const operations: Record<string, number> = {}
    for (const { outcome = 'unknown' } of workload.operations)
      operations[outcome] = (operations[outcome] ?? 0) + 1
    return {
      seed: plan.seed,
      hash: tape.hash(),
      planned: all.length,
      injected: chosen.length,
      operations,
      events: tape.events,
      virtualMs: universe.clock.now() - begun,
      settledMs: universe.clock.now() - ended,
      violations,
      last: tape.last(),
    }
  } finally {
    universe.close()
  }
}

function startFaults(cloud: SimCloud, plan: readonly PlannedFault[]): { endAll(): void } {
  const ends = new Map<number, () => void>()
  const cancels: Cancel[] = plan.map((planned) =>
    cloud.universe.after(planned.atMs, () => {
      const random = cloud.random(`fault ${planned.index}`)
      const { words, lastsMs, end } = faults[planned.kind]!(cloud, random)
      cloud.say(`fault ${planned.index}: ${words}`)
      if (!end) return
      const over = () => {
        if (!ends.delete(planned.index)) return
        cloud.say(`fault ${planned.index} is over`)
        end()
      }
      ends.set(planned.index, over)
      cancels.push(cloud.universe.after(lastsMs, over))
    }),
  )
  return {
    endAll() {
      for (const cancel of cancels) cancel()
      for (const end of [...ends.values()]) end()
    },
  }
}

/** Only the time that it would take is a finding; anything else is an error of the simulation itself. */
function stuck(words: string, error: unknown): Violation {
  if (error instanceof CloudError && error.kind === 'timeout') return { invariant: 'stuck', words }
  throw error
}

/** Looks again later while something does not hold: a deadline may still be to come. */
async function atRest(
  cloud: SimCloud,
  check: () => Promise<Violation[]>,
  ended: number,
): Promise<Violation[]> {
  const { universe } = cloud
  let found: Violation[] = []
  for (const minutes of restMinutes) {
    await universe.advance(Math.max(0, ended + minutes * minuteMs - universe.clock.now()))
    const missing = cloud.missing()
    found =
      missing.length > 0
        ? missing.map((name) => ({ invariant: 'process', words: `the ${name} does not come up` }))
        : await universe
            .until(check(), 30 * minuteMs)
            .catch((error: unknown) => [stuck('the cloud does not answer what is asked of it', error)])
    if (found.length === 0) break
    for (const { invariant, words } of found) cloud.say(`not yet: ${invariant}: ${words}`)
  }
  return found
}
