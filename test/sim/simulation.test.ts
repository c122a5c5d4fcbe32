// Fixed seeds for every day, the seeds that once found a bug, and the promise that a seed is one run and no other.
// Many seeds are `npm run sim`'s.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type ChildRun, type Finished, runChild, runChildren } from './child.ts'
import { faultNames } from './fault/table.ts'
import { formatRun, readOptions } from './option.ts'

const usual = readOptions(['--minutes', '3'])

function broken(run: ChildRun): string[] {
  if ('crashed' in run) return [run.crashed]
  return run.violations.map(({ invariant, words }) => `${invariant}: ${words}`)
}

test('a seed gives the same journal in two processes, first in one and second in the other', async () => {
  const [[once], [other, again]] = (await Promise.all([
    runChildren(usual, [5]),
    runChildren(usual, [6, 5]),
  ])) as [[Finished], [Finished, Finished]]
  console.log(`seed 5: journal hash ${once.hash} and ${again.hash} over ${once.events} events`)
  expect(once.events).toBeGreaterThan(1000)
  expect(once.injected).toBeGreaterThan(0)
  expect(again.hash).toBe(once.hash)
  expect(other.hash).not.toBe(once.hash)
  expect([...broken(once), ...broken(other)]).toEqual([])
})

test.each([101, 102, 103, 104])('seed %i: with all faults, everything holds', async (seed) => {
  expect(broken(await runChild(usual, seed))).toEqual([])
})

type Kept = { seed: number; hosts: number; minutes: number; faults: string; found: string }
const kept = JSON.parse(readFileSync(`${import.meta.dirname}/seed/kept.json`, 'utf8')) as Kept[]

test.each(kept)('seed $seed, which found: $found', async ({ seed, hosts, minutes, faults }) => {
  const options = readOptions(['--hosts', `${hosts}`, '--minutes', `${minutes}`, '--faults', faults])
  expect(broken(await runChild(options, seed))).toEqual([])
})

test('what a run prints to be repeated is read back as the same run', () => {
  const options = readOptions(['--seed', '9', '--hosts', '2', '--minutes', '30', '--faults', 'power,break'])
  expect(readOptions(formatRun(options, [9], [0, 1, 2, 7]))).toEqual({ ...options, keep: [0, 1, 2, 7] })
  expect(readOptions([]).kinds).toEqual(faultNames)
  expect(() => readOptions(['--faults', 'earthquake'])).toThrow("no kind of fault 'earthquake'")
})
