// What a run says of itself to a person.
import type { ChildRun, Finished } from './child.ts'

/** Lines before the end that a failing run shows. */
const shownLines = 60

export function formatOutcome(run: Finished): string {
  const { seed, hash, virtualMs, wallMs, cpuMs, events, injected, planned, settledMs } = run
  const done = Object.entries(run.operations).map(([outcome, count]) => `${count} ${outcome}`)
  return [
    `seed ${seed}: ${run.violations.length === 0 ? 'all holds' : `${run.violations.length} BROKEN`}, journal hash ${hash}`,
    `  ${minutes(virtualMs)} virtual minutes in ${(wallMs / 1000).toFixed(1)} s (${(cpuMs / 1000).toFixed(1)} s of processor): ${Math.round(virtualMs / wallMs)} times real time`,
    `  ${injected} of ${planned} faults, at rest ${minutes(settledMs)} minutes after their end`,
    `  client operations: ${done.join(', ') || 'none'}; ${events} events, ${Math.round(events / (wallMs / 1000))} a second`,
  ].join('\n')
}

/** `words` are the options that repeat the run. */
export function formatFailure(run: Finished, words: readonly string[]): string {
  return [
    ...run.last.slice(-shownLines),
    '',
    ...run.violations.map(({ invariant, words: what }) => `BROKEN ${invariant}: ${what}`),
    '',
    `Again: npm run sim -- ${words.join(' ')}`,
    `The fewest faults: npm run sim -- ${words.join(' ')} --bisect`,
  ].join('\n')
}

export function formatChild(run: ChildRun): string {
  if ('crashed' in run) return `seed ${run.seed}: CRASHED ${run.crashed.split('\n').slice(0, 6).join(' | ')}`
  const { seed, hash, wallMs, cpuMs, violations, injected, events } = run
  const time = `${(wallMs / 1000).toFixed(1)} s (${(cpuMs / 1000).toFixed(1)} s of processor)`
  if (violations.length === 0)
    return `seed ${seed}: ok, ${injected} faults, ${events} events, ${time}, ${hash}`
  const broken = violations.map(({ invariant, words }) => `\n    ${invariant}: ${words}`)
  return `seed ${seed}: BROKEN, ${injected} faults, ${time}, ${hash}${broken.join('')}`
}

export function formatTotals(runs: readonly ChildRun[], wallMs: number): string {
  const finished = runs.filter((run) => !('crashed' in run)) as Finished[]
  const broken = finished.filter(({ violations }) => violations.length > 0)
  const sum = (of: (run: Finished) => number) => finished.reduce((total, run) => total + of(run), 0)
  const events = sum((run) => run.events)
  const rates = (seconds: number) =>
    `${Math.round(events / seconds)} events a second, ${Math.round(sum((run) => run.virtualMs) / 1000 / seconds)} times real time`
  const kinds = new Map<string, number>()
  for (const { violations } of broken)
    for (const invariant of new Set(violations.map((each) => each.invariant)))
      kinds.set(invariant, (kinds.get(invariant) ?? 0) + 1)
  return [
    `${runs.length} seeds: ${runs.length - broken.length - (runs.length - finished.length)} hold, ${broken.length} broken, ${runs.length - finished.length} crashed`,
    ...[...kinds].sort((a, b) => b[1] - a[1]).map(([invariant, count]) => `  ${invariant}: ${count} seeds`),
    `${sum((run) => run.injected)} faults, ${events} events, ${minutes(sum((run) => run.virtualMs))} virtual minutes in ${(wallMs / 60_000).toFixed(1)} minutes`,
    `each process by the clock: ${rates(sum((run) => run.wallMs) / 1000)}`,
    `by the processor time that it had: ${rates(sum((run) => run.cpuMs) / 1000)}`,
  ].join('\n')
}

function minutes(ms: number): string {
  return (ms / 60_000).toFixed(1)
}
