import { expect, test } from 'vitest'
import { openRecent } from './recent.ts'

test('tells the ports of every step between two versions, and of no others', () => {
  const recent = openRecent()
  recent.note('n', { from: 1, to: 100 }, new Set(['a']))
  recent.note('n', { from: 100, to: 250 }, new Set(['b', 'c']))
  recent.note('n', { from: 250, to: 251 }, new Set(['a']))
  expect(recent.since('n', 100, 251)!.toSorted()).toEqual(['a', 'b', 'c'])
  expect(recent.since('n', 250, 251)).toEqual(['a'])
  expect(recent.since('n', 251, 251)).toEqual([])
})

test('does not know what it was not told: a version of another time, a gap, a set that is gone', () => {
  const recent = openRecent()
  recent.note('n', { from: 1, to: 100 }, new Set(['a']))
  recent.note('n', { from: 120, to: 130 }, new Set(['b']))
  expect(recent.since('n', 1, 130)).toBeUndefined()
  expect(recent.since('n', 50, 100)).toBeUndefined()
  expect(recent.since('n', 200, 130)).toBeUndefined()
  expect(recent.since('m', 1, 2)).toBeUndefined()
  recent.note('n', undefined, new Set())
  expect(recent.since('n', 120, 130)).toBeUndefined()
})

test('a step that failed and was taken by another tells the ports of both', () => {
  const recent = openRecent()
  recent.note('n', { from: 1, to: 100 }, new Set(['rolled back']))
  recent.note('n', { from: 1, to: 100 }, new Set(['committed']))
  expect(recent.since('n', 1, 100)!.toSorted()).toEqual(['committed', 'rolled back'])
})

test('a host that has not asked for a minute in which a thousand ports came is told of these alone', () => {
  const recent = openRecent()
  for (let at = 1; at <= 1200; at++) recent.note('n', { from: at, to: at + 1 }, new Set([`port ${at}`]))
  expect(recent.since('n', 1, 1201)).toHaveLength(1200)
})
