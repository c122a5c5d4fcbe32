// Fixed seeds for every day, and the promise that a seed is one run and no other. Those that once found a bug are in seed/;
// many seeds are `npm run sim`'s.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { brokenIn, type Finished, runAll } from './child.ts'
import { faultNames } from './fault/table.ts'
import { formatRun, readOptions } from './option.ts'
import { kept } from './seed/kept.ts'

const usual = readOptions(['--minutes', '3'])

test('with all faults, everything holds, and a seed gives the same journal in two processes, first in one and second in the other', {
  timeout: 900_000,
}, async () => {
  const [other, again] = (await runAll(usual, [101, 102])) as [Finished, Finished]
  const [once] = (await runAll(usual, [102])) as [Finished]
  expect([other, again, once].flatMap(brokenIn)).toEqual([])
  console.log(`seed 102: journal hash ${once.hash} and ${again.hash} over ${once.events} events`)
  expect(once.events).toBeGreaterThan(1000)
  expect(once.injected).toBeGreaterThan(0)
  expect(again.hash).toBe(once.hash)
  expect(other.hash).not.toBe(once.hash)
})

test('a kept seed that finds its bug no more names the test that shows it', () => {
  const retired = kept.flatMap(({ shown }) => shown ?? [])
  for (const path of retired)
    expect(readFileSync(`${import.meta.dirname}/../../${path}`, 'utf8')).toContain('vitest')
})

test('what a run prints to be repeated is read back as the same run', () => {
  const options = readOptions(['--seed', '9', '--hosts', '2', '--minutes', '30', '--faults', 'power,break'])
  expect(readOptions(formatRun(options, [9], [0, 1, 2, 7]))).toEqual({ ...options, keep: [0, 1, 2, 7] })
  expect(readOptions([]).kinds).toEqual(faultNames)
  expect(() => readOptions(['--faults', 'earthquake'])).toThrow("no kind of fault 'earthquake'")
})
