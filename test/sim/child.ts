// A run in a process of its own, so that nothing that one leaves in memory is there in the next, and two take two cores.
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
  const words = [
    `--max-old-space-size=${heapMb}`,
    `--max-semi-space-size=${youngMb}`,
    ...(options.plant === undefined ? [] : ['--import', `${planting}?mutation=${options.plant}`]),
    program,
    ...formatRun(options, seed, keep),
    '--json',
  ]
  try {
    const result = await realWorld().processes.run(process.execPath, words, { timeoutMs, env: childEnv })
    const line = result.stdout.trim().split('\n').at(-1) ?? ''
    if (line.startsWith('{')) return JSON.parse(line) as Finished
    return { seed, crashed: result.stderr.trim() || `it ended with ${result.code ?? result.signal}` }
  } catch (error) {
    return { seed, crashed: String(error) }
  }
}

export function failed(run: ChildRun): boolean {
  return 'crashed' in run || run.violations.length > 0
}
