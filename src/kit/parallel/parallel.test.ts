import { expect, test } from 'vitest'
import { inParallel } from './parallel.ts'

test('no more than the width at once, each item once, failures apart', async () => {
  let now = 0
  let most = 0
  const seen: number[] = []
  const failed = await inParallel([1, 2, 3, 4, 5], 2, async (item) => {
    most = Math.max(most, ++now)
    await new Promise((resolve) => setImmediate(resolve))
    now--
    seen.push(item)
    if (item === 2) throw new Error('two')
  })
  expect(most).toBe(2)
  expect(seen.toSorted()).toEqual([1, 2, 3, 4, 5])
  expect(failed).toMatchObject([{ item: 2, error: { message: 'two' } }])
})
