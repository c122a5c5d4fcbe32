// Runs in another process: two take two cores, and what kills one is told of it. A process makes several runs one after the
// other where many are asked for: a program that is compiled and warm makes one in two thirds of the time.
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realWorld } from '#kit/world/real.ts'
import { formatRun, type RunChoice } from './option.ts'
import type { SimOutcome } from './simulate.ts'

export type Finished = SimOutcome & { wallMs: number; cpuMs: number }
/** `crashed`: what the process said when it ended without an outcome. */
export type ChildRun = { seed: number } & (Finished | { crashed: string })

const planting = new URL('./mutation/plant.ts', import.meta.url).href
const program = `${import.meta.dirname}/run.ts`
const timeoutMs = 900_000
const heapMb = 1_500
/** Most of what a run makes is soon garbage. */
const youngMb = 64
/** The sources are compiled once for all runs. */
const childEnv = { NODE_COMPILE_CACHE: join(tmpdir(), 'nimbo-sim-compile-cache') }

export async function runChild(
  options: RunChoice,
  seed: number,
  keep?: readonly number[],
): Promise<ChildRun> {
  const [run] = await runChildren(options, [seed], keep)
  return run!
}

/** In the order of `seeds`. A process that ends early has crashed in the first that it didn't tell of: the rest are left out. */
export async function runChildren(
  options: RunChoice,
  seeds: readonly number[],
  keep?: readonly number[],
): Promise<ChildRun[]> {
  const words = [
    `--max-old-space-size=${heapMb}`,
    `--max-semi-space-size=${youngMb}`,
    ...(options.plant === undefined ? [] : ['--import', `${planting}?mutation=${options.plant}`]),
    program,
    ...formatRun(options, seeds, keep),
    '--json',
  ]
  const limits = { timeoutMs: timeoutMs * seeds.length, env: childEnv }
  try {
    const result = await realWorld().processes.run(process.execPath, words, limits)
    const lines = result.stdout.split('\n').filter((line) => line.startsWith('{'))
    const runs: ChildRun[] = lines.map((line) => JSON.parse(line) as Finished)
    const next = seeds[runs.length]
    if (next === undefined) return runs
    const crashed = result.stderr.trim() || `it ended with ${result.code ?? result.signal}`
    return [...runs, { seed: next, crashed }]
  } catch (error) {
    return [{ seed: seeds[0]!, crashed: String(error) }]
  }
}

/** In the order of `seeds`: what is left behind a crash is run by another process. */
export async function runAll(
  options: RunChoice,
  seeds: readonly number[],
  keep?: readonly number[],
): Promise<ChildRun[]> {
  const runs: ChildRun[] = []
  while (runs.length < seeds.length)
    runs.push(...(await runChildren(options, seeds.slice(runs.length), keep)))
  return runs
}

/** What a test shows of a run; nothing where all held. */
export function brokenIn(run: ChildRun): string[] {
  if ('crashed' in run) return [run.crashed]
  return run.violations.map(({ invariant, words }) => `${invariant}: ${words}`)
}

export function failed(run: ChildRun): boolean {
  return 'crashed' in run || run.violations.length > 0
}
