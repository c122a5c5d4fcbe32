import { afterEach, expect, test, vi } from 'vitest'
import { realTimers } from './real-time.ts'

afterEach(() => vi.useRealTimers())

const day = 86_400_000

test('waits for months, and can be told not to', async () => {
  vi.useFakeTimers()
  const fired: string[] = []
  realTimers.after(60 * day, () => fired.push('kept'))
  const cancel = realTimers.after(61 * day, () => fired.push('cancelled'))
  await vi.advanceTimersByTimeAsync(60 * day - 1)
  expect(fired).toEqual([])
  cancel()
  await vi.advanceTimersByTimeAsync(2 * day)
  expect(fired).toEqual(['kept'])
})

test('a moment that has passed is now, and nothing to warn of', async () => {
  const warnings: string[] = []
  const hear = (warning: Error) => warnings.push(warning.name)
  process.on('warning', hear)
  await new Promise<void>((resolve) => void realTimers.after(-22, resolve))
  // Node tells of warnings in the next tick.
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', hear)
  expect(warnings).toEqual([])
})

test('a sleep ends with the reason for which it is broken off', async () => {
  const stop = new AbortController()
  const slept = realTimers.sleep(60 * day, { signal: stop.signal })
  stop.abort(new Error('enough'))
  await expect(slept).rejects.toThrow('enough')
})
