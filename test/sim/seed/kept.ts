// The seeds that once found a bug, as tests. Those of one kind are run by one process: it starts once, and is warm after
// the first.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { brokenIn, type ChildRun, runAll } from '../child.ts'
import { readOptions } from '../option.ts'

type Kept = {
  seed: number
  hosts: number
  minutes: number
  faults: string
  found: string
  /** The test that shows the bug, below the checkout, where the seed finds it no more in the program of today. */
  shown?: string
}
export const kept = JSON.parse(readFileSync(`${import.meta.dirname}/kept.json`, 'utf8')) as Kept[]
const daily = kept.filter(({ shown }) => shown === undefined)

/** Every second of those that still find their bugs, as two files of a level run at a time; `first` is 0 or 1. */
export function testKept(first: 0 | 1): void {
  const ours = daily.filter((_, index) => index % 2 === first)
  const kindOf = ({ hosts, minutes, faults }: Kept) =>
    ['--hosts', `${hosts}`, '--minutes', `${minutes}`, '--faults', faults].join(' ')
  const running = new Map<string, Promise<ChildRun[]>>()
  const runsOf = (kind: string) => {
    const seeds = ours.filter((each) => kindOf(each) === kind).map(({ seed }) => seed)
    const runs = running.get(kind) ?? runAll(readOptions(kind.split(' ')), seeds)
    running.set(kind, runs)
    return runs
  }
  // The first waits for all of its kind, and the next ones for nothing.
  test.each(ours)('seed $seed, which found: $found', { timeout: 900_000 }, async (each) => {
    const run = (await runsOf(kindOf(each))).find(({ seed }) => seed === each.seed)!
    expect(brokenIn(run)).toEqual([])
  })
}
