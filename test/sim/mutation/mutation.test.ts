// Tests of the tester: bugs of three kinds are planted, and the simulation has to find each.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type ChildRun, runChild } from '../child.ts'
import { readOptions } from '../option.ts'
import { mutate } from './mutate.ts'
import { mutations } from './mutations.ts'

const all = Object.entries(mutations).map(([name, mutation]) => ({ name, ...mutation }))

test.each(all)('$name has its place in the source of today', ({ file, find, replace }) => {
  const source = readFileSync(`${import.meta.dirname}/../../../src/${file}`, 'utf8')
  expect(mutate({ file, find, replace }, source)).not.toBe(source)
})

test('a mutation whose place is gone, or there twice, is refused as stale', () => {
  const change = { file: 'a.ts', find: 'let', replace: 'const' }
  expect(() => mutate(change, 'var a')).toThrow('stale: its place is 0 times in a.ts')
  expect(() => mutate(change, 'let a; let b')).toThrow('stale: its place is 2 times in a.ts')
})

test.each(all)('finds $name, and nothing without it: $says', { timeout: 900_000 }, async (mutation) => {
  const { name, seeds, hosts, minutes, faults, breaks } = mutation
  const words = ['--hosts', `${hosts}`, '--minutes', `${minutes}`, '--faults', faults]
  for (const seed of seeds) {
    const planted = await runChild({ ...readOptions(words), plant: name }, seed)
    if (!brokenOf(planted).some((invariant) => breaks.includes(invariant))) continue
    expect(brokenOf(await withoutAny(words, seed))).toEqual([])
    return
  }
  expect.fail(`none of the seeds ${seeds.join(', ')} finds it`)
})

const plain = new Map<string, Promise<ChildRun>>()
/** Once for all mutations that the same run finds. */
function withoutAny(words: readonly string[], seed: number): Promise<ChildRun> {
  const key = [...words, seed].join(' ')
  const run = plain.get(key) ?? runChild(readOptions(words), seed)
  plain.set(key, run)
  return run
}

function brokenOf(run: ChildRun): string[] {
  if ('crashed' in run) throw new Error(run.crashed)
  return run.violations.map(({ invariant }) => invariant)
}
