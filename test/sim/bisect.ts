// `--bisect`: the fewest faults with which a seed still breaks what it broke.
import { type ChildRun, runChild } from './child.ts'
import { formatRun, type RunOptions } from './option.ts'
import { formatKeep } from './plan.ts'
import { formatChild, formatFailure } from './report.ts'
import { shrinkFaults } from './shrink.ts'

export async function bisect(
  options: RunOptions,
  seed: number,
  print: (line: string) => void,
): Promise<number> {
  const whole = await runChild(options, seed, options.keep)
  print(formatChild(whole))
  const wanted = breaks(whole)
  if (wanted.size === 0) {
    print('Nothing is broken: there is nothing to look for.')
    return 0
  }
  const planned = 'crashed' in whole ? 0 : whole.planned
  const all = options.keep ?? Array.from({ length: planned }, (_, index) => index)
  let last = whole
  const { keep, runs } = await shrinkFaults(all, async (some) => {
    const run = await runChild(options, seed, some)
    const same = [...breaks(run)].some((invariant) => wanted.has(invariant))
    if (same) last = run
    print(`  ${same ? 'fails' : 'holds'} with ${formatKeep(some)}`)
    return same
  })
  print(`${runs} runs; it still fails with faults ${formatKeep(keep)}`)
  if (!('crashed' in last)) print(formatFailure(last, formatRun(options, [seed], keep)))
  return 1
}

/** What it breaks, by name: another failure is another matter. */
function breaks(run: ChildRun): Set<string> {
  if ('crashed' in run) return new Set(['crashed'])
  return new Set(run.violations.map(({ invariant }) => invariant))
}
