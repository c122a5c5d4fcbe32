// `npm run sim`: one seed, many, or seeds without end; see README.md beside this file.

import { bisect } from './bisect.ts'
import { failed } from './child.ts'
import { formatRun, type RunOptions, readOptions } from './option.ts'
import { formatFailure, formatOutcome } from './report.ts'
import { runSeeds } from './seeds.ts'
import { simulate } from './simulate.ts'

const print = (line: string) => void process.stdout.write(`${line}\n`)

async function main(options: RunOptions): Promise<number> {
  const [seed] = options.seeds
  if (options.json) return runInTurn(options)
  if (options.bisect) return bisect(options, seed!, print)
  // What is planted has to be there before the first module is loaded: in another process.
  if (options.forever || options.plant !== undefined || options.seeds.length > 1)
    return runSeeds(options, print)
  return runOne(options, seed!)
}

/** For a parent process: an object of each run, when it ends. */
async function runInTurn(options: RunOptions): Promise<number> {
  let broken = 0
  for (const seed of options.seeds) broken += await runOne(options, seed)
  return broken === 0 ? 0 : 1
}

async function runOne(options: RunOptions, seed: number): Promise<number> {
  const { hosts, minutes, kinds, bursts, keep, trace, json } = options
  const started = performance.now()
  const before = process.cpuUsage()
  const outcome = await simulate({
    seed,
    hosts,
    minutes,
    kinds,
    bursts,
    keep,
    ...(trace && { write: print }),
  })
  const wallMs = performance.now() - started
  const { user, system } = process.cpuUsage(before)
  const finished = { ...outcome, wallMs, cpuMs: (user + system) / 1000 }
  if (json) {
    print(JSON.stringify({ ...finished, last: failed(finished) ? finished.last.slice(-400) : [] }))
  } else {
    print(formatOutcome(finished))
    if (failed(finished)) print(formatFailure(finished, formatRun(options, [seed], keep)))
  }
  return failed(finished) ? 1 : 0
}

try {
  process.exitCode = await main(readOptions(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(`${(error as Error).stack}\n`)
  process.exitCode = 2
}
