// Who runs, who waits and who is turned away.
import { describe, expect, it } from 'vitest'
import { openTurnstile } from './turnstile.ts'

describe('a turnstile', () => {
  it('runs as many as it may at once, the others in their order', async () => {
    const turnstile = openTurnstile({ atOnce: 2, waiting: 10 })
    const started: number[] = []
    const finish: (() => void)[] = []
    const all = [0, 1, 2, 3].map((n) =>
      turnstile.pass(() => {
        started.push(n)
        return new Promise<void>((resolve) => {
          finish[n] = resolve
        })
      }),
    )
    const drained = () => new Promise((resolve) => setImmediate(resolve))
    await drained()
    expect(started).toEqual([0, 1])
    finish[1]!()
    await drained()
    expect(started).toEqual([0, 1, 2])
    finish[0]!()
    finish[2]!()
    await drained()
    finish[3]!()
    await Promise.all(all)
    expect(started).toEqual([0, 1, 2, 3])
  })

  it('turns away who comes when too many wait, and lets in again after', async () => {
    const turnstile = openTurnstile({ atOnce: 1, waiting: 1 })
    let finish = () => {}
    const first = turnstile.pass(() => new Promise<void>((resolve) => (finish = resolve)))
    const second = turnstile.pass(async () => 'second')
    await expect(turnstile.pass(async () => 'third')).rejects.toMatchObject({ kind: 'unavailable' })
    finish()
    await first
    expect(await second).toBe('second')
    expect(await turnstile.pass(async () => 'fourth')).toBe('fourth')
  })

  it('gives the place on when work fails', async () => {
    const turnstile = openTurnstile({ atOnce: 1, waiting: 1 })
    await expect(turnstile.pass(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
    expect(await turnstile.pass(async () => 'next')).toBe('next')
  })
})
