// The table of long test files names files that there are.
import { expect, it } from 'vitest'
import { longFiles } from '#test/order.ts'
import { readSources } from './source.ts'

it('tells the time of test files that exist', () => {
  const paths = new Set(readSources('src', 'test').map((source) => source.path))
  expect(Object.keys(longFiles).filter((path) => !paths.has(path))).toEqual([])
})
