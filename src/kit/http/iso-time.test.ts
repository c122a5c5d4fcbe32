import { expect, it } from 'vitest'
import { inSeconds } from './iso-time.ts'

it('writes every second as a Date does, whatever day came before', () => {
  const day = 86_400_000
  for (const start of [0, Date.UTC(2024, 1, 29), Date.UTC(2026, 11, 31), -day, Date.UTC(1999, 11, 31)])
    for (const ms of [0, 1, 999, 59_999, 60_000, 3_599_000, 3_600_000, day / 2 + 1, day - 1, day])
      expect(inSeconds(start + ms)).toBe(`${new Date(start + ms).toISOString().slice(0, 19)}Z`)
})
