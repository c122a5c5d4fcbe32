// Many seeds, each in a process of its own; ends when all are done, or never.
import { type ChildRun, failed, runChild } from './child.ts'
import { formatRun, type RunOptions } from './option.ts'
import { formatChild, formatTotals } from './report.ts'

export async function runSeeds(options: RunOptions, print: (line: string) => void): Promise<number> {
  const started = performance.now()
  const runs: ChildRun[] = []
  const seeds = options.forever ? endless(options.seeds[0]!) : options.seeds.values()
  const work = async () => {
    for (const seed of seeds) {
      const run = await runChild(options, seed, options.keep)
      print(formatChild(run))
      if (failed(run))
        print(`    npm run sim -- ${formatRun(options, seed, options.keep).join(' ')} --bisect`)
      // What a night keeps is what it printed.
      runs.push('crashed' in run ? run : { ...run, last: [] })
      if (options.forever && runs.length % 100 === 0) print(formatTotals(runs, performance.now() - started))
    }
  }
  await Promise.all(Array.from({ length: options.jobs }, work))
  print(formatTotals(runs, performance.now() - started))
  return runs.some(failed) ? 1 : 0
}

function* endless(from: number): Generator<number> {
  for (let seed = from; ; seed++) yield seed
}
