import { expect, test } from 'vitest'
import { firstDifference } from './same.ts'

test('shows where two runs part, and what came before', () => {
  expect(firstDifference(['a', 'b', 'c'], ['a', 'b', 'x'])).toBe('  a\n  b\n- c\n+ x')
  expect(firstDifference(['a'], ['a', 'b'])).toBe('  a\n- (ends)\n+ b')
  expect(firstDifference(['a', 'b'], ['a', 'b'])).toBeUndefined()
})
