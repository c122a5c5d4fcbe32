import { expect, test } from 'vitest'
import { seededRandom } from '#kit/world/virtual.ts'
import { formatKeep, keptFaults, parseKeep, planFaults } from './plan.ts'
import { shrinkFaults } from './shrink.ts'

const all = Array.from({ length: 40 }, (_, index) => index)

test('finds the faults that a failure needs, and drops those before them', async () => {
  const asked: number[] = []
  const shrunk = await shrinkFaults(all, async (keep) => {
    asked.push(keep.length)
    return keep.includes(7) && keep.includes(23)
  })
  expect(shrunk.keep).toEqual([7, 23])
  expect(shrunk.runs).toBe(asked.length)
  expect(Math.max(...asked)).toBeLessThan(all.length)
})

test('says that no fault is needed where a run fails without any', async () => {
  expect(await shrinkFaults(all, async () => true)).toEqual({ keep: [], runs: 1 })
})

test('keeps the whole plan where the last fault is the one', async () => {
  const { keep } = await shrinkFaults(all, async (some) => some.includes(39))
  expect(keep).toEqual([39])
})

test('a plan comes from its seed, in order, within its time', () => {
  const draw = (seed: number) =>
    planFaults(seededRandom(seed), { lengthMs: 1_800_000, kinds: ['crash', 'cut', 'skew'] })
  expect(draw(3)).toEqual(draw(3))
  expect(draw(3)).not.toEqual(draw(4))
  const times = draw(3).map(({ atMs }) => atMs)
  expect(times).toEqual([...times].sort((a, b) => a - b))
  expect(Math.max(...times)).toBeLessThan(1_800_000)
  expect(new Set(draw(3).map(({ kind }) => kind))).toEqual(new Set(['crash', 'cut', 'skew']))
  expect(planFaults(seededRandom(3), { lengthMs: 1_800_000, kinds: [] })).toEqual([])
})

test('most faults strike while clients work', () => {
  const bursts = { lastMs: 15_000, everyMs: 180_000 }
  const plan = planFaults(seededRandom(3), { lengthMs: 1_800_000, kinds: ['crash'], bursts })
  const soon = plan.filter(({ atMs }) => atMs % bursts.everyMs < bursts.lastMs + 10_000)
  expect(soon.length).toBeGreaterThan(plan.length / 2)
  expect(soon.length).toBeLessThan(plan.length)
  expect(plan.map(({ index }) => index)).toEqual(plan.map((_, at) => at))
})

test.each([
  [[], 'none'],
  [[4], '4'],
  [[0, 1, 2, 5, 7, 8], '0-2,5,7-8'],
])('faults %j are named %s on the command line, and found by it', (keep, text) => {
  expect(formatKeep(keep)).toBe(text)
  expect(parseKeep(text)).toEqual(keep)
  const plan = Array.from({ length: 10 }, (_, index) => ({ index, atMs: index, kind: 'cut' }))
  expect(keptFaults(plan, keep).map(({ index }) => index)).toEqual(keep)
  expect(keptFaults(plan, undefined)).toEqual(plan)
})

test('a range that is none is refused in words', () => {
  expect(() => parseKeep('1-x')).toThrow("'1-x' is neither a number nor a range")
})
