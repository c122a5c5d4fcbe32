// Many seeds, some in each of several processes; ends when all are done, or never.
import { type ChildRun, failed, runAll } from './child.ts'
import { formatRun, type RunOptions } from './option.ts'
import { formatChild, formatTotals } from './report.ts'

/** To one process: enough to be warm, few enough that its lines come while somebody waits for them. */
const seedsAtOnce = 10

export async function runSeeds(options: RunOptions, print: (line: string) => void): Promise<number> {
  const started = performance.now()
  const runs: ChildRun[] = []
  const seeds = options.forever ? endless(options.seeds[0]!) : options.seeds.values()
  const share = options.forever ? seedsAtOnce : Math.ceil(options.seeds.length / options.jobs)
  const work = async () => {
    for (;;) {
      const batch = some(seeds, Math.min(seedsAtOnce, share))
      if (batch.length === 0) return
      for (const run of await runAll(options, batch, options.keep)) take(run)
    }
  }
  const take = (run: ChildRun) => {
    print(formatChild(run))
    if (failed(run))
      print(`    npm run sim -- ${formatRun(options, [run.seed], options.keep).join(' ')} --bisect`)
    // What a night keeps is what it printed.
    runs.push('crashed' in run ? run : { ...run, last: [] })
    if (options.forever && runs.length % 100 === 0) print(formatTotals(runs, performance.now() - started))
  }
  await Promise.all(Array.from({ length: options.jobs }, work))
  print(formatTotals(runs, performance.now() - started))
  return runs.some(failed) ? 1 : 0
}

/** The next of them: what ends an iteration early would end a generator too. */
function some(seeds: Iterator<number>, count: number): number[] {
  const next: number[] = []
  while (next.length < count) {
    const { value, done } = seeds.next()
    if (done) break
    next.push(value)
  }
  return next
}

function* endless(from: number): Generator<number> {
  for (let seed = from; ; seed++) yield seed
}
