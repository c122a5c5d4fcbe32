// A run: a cloud is raised, struck as planned, and looked at after each strike; in the end a table tells how each process's
// death was got over.
import { until } from '#test/interop/live-cloud.ts'
import type { Violation } from '#test/sim/invariant/fact.ts'
import { type Rest, seenAtRest, violations } from './invariant.ts'
import { describeStrike, type Strike } from './plan.ts'
import { comeToRest } from './rest.ts'
import { raiseStage, type Stage, world } from './stage.ts'
import { carryOut, type Struck } from './strike.ts'
import { type PingWatch, watchGuest } from './watch.ts'

export type Told = Struck & {
  /** From the kill until everything was at rest and all invariants held, in milliseconds. */
  restMs: number
  /** The longest time for which the bystander didn't answer, in milliseconds. */
  silentMs: number
  /** What was put right last. */
  last: readonly string[]
}

export type Run = {
  strike(strike: Strike): Promise<Told>
  readonly told: readonly Told[]
  close(): Promise<string[]>
}

const boundMs = 180_000
/** Answers to pings come each 100 ms; a busy machine of two processors with an emulated guest is slower now and then. */
const noticedMs = 10_000
/** Packets pass through it, or it tells the switch where they go. */
const carries = new Set(['ovs-vswitchd', 'ovsdb-server'])

export async function openRun(options: { ownBroker: boolean }): Promise<Run> {
  const stage = await raiseStage(options)
  try {
    const folder = stage.machine.folder
    const watch = await watchGuest(stage.machine, stage.bystander.floatingIp, folder)
    let rest = await restingState(stage)
    const told: Told[] = []
    return {
      told,
      async strike(strike) {
        try {
          const one = await strikeOnce(stage, watch, rest, strike)
          told.push(one)
          return one
        } catch (error) {
          // What is wrong now shall not be found wrong again at each strike after this one.
          await comeToRest(stage)
          rest = await restingState(stage)
          throw error
        }
      },
      close: () => stage.close(),
    }
  } catch (error) {
    await stage.close()
    throw error
  }
}

async function strikeOnce(stage: Stage, watch: PingWatch, rest: Rest, strike: Strike): Promise<Told> {
  const began = world.clock.now()
  const struck = await carryOut(stage, strike)
  await comeToRest(stage)
  let left: Violation[] = []
  // They are asked all the same now and then.
  const farFromGuests = strike.kill.every((one) => one === 'controller' || one.endsWith('supervisor'))
  const guests = farFromGuests && strike.number % 5 !== 0 ? 'left alone' : 'asked'
  const holds = async () => {
    const now = await violations(stage, watch, rest, { since: began, guests })
    if (now.length > 0) left = now
    return now.length === 0
  }
  const words = () => left.map(({ invariant, words: said }) => `${invariant}: ${said}`)
  await until('everything is as at rest', holds, boundMs, 300).catch((error: unknown) => {
    throw new Error(`${describeStrike(strike)} (${struck.ended})\n${words().join('\n')}`, { cause: error })
  })
  const restMs = world.clock.now() - struck.at
  const silentMs = watch.longestGap(began, world.clock.now())
  if (silentMs > noticedMs && !strike.kill.some((one) => carries.has(one)))
    throw new Error(`${describeStrike(strike)}: the bystander was silent for ${silentMs} ms`)
  return { ...struck, restMs, silentMs, last: words() }
}

/** The same twice in five seconds: hosts let go of some things a little after they were told to. */
async function restingState(stage: Stage): Promise<Rest> {
  let last: Rest | undefined
  return until(
    'nothing moves any more',
    async () => {
      const now = await seenAtRest(stage)
      const same = JSON.stringify(now) === JSON.stringify(last)
      last = now
      return same && now
    },
    boundMs,
    5_000,
  )
}

const seconds = (ms: number) => (ms / 1000).toFixed(1)

/** A line for each process: how often it died, how its operations ended, and the slowest of its recoveries. */
export function table(told: readonly Told[]): string {
  const rows = [['killed', 'times', 'done', 'undone', 'none', 'ended s', 'at rest s', 'silence s']]
  const names = [...new Set(told.flatMap(({ strike }) => strike.kill.join(' + ')))].sort()
  const worst = (list: readonly Told[], of: (one: Told) => number) => seconds(Math.max(0, ...list.map(of)))
  const row = (name: string, list: readonly Told[]) => [
    name,
    String(list.reduce((sum, { killed }) => sum + killed.length, 0)),
    ...['done', 'undone', 'not begun'].map((how) => String(list.filter(({ ended }) => ended === how).length)),
    worst(list, ({ endedMs }) => endedMs),
    worst(list, ({ restMs }) => restMs),
    worst(list, ({ silentMs }) => silentMs),
  ]
  for (const name of names)
    rows.push(
      row(
        name,
        told.filter(({ strike }) => strike.kill.join(' + ') === name),
      ),
    )
  rows.push(row('all', told))
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((each) => each[column]!.length)))
  return rows.map((each) => each.map((cell, at) => cell.padEnd(widths[at]!)).join('  ')).join('\n')
}
