// Token buckets at their edges: how many, how fast they fill, and how many are remembered.
import { describe, expect, it } from 'vitest'
import { buckets } from './rate.ts'

describe('a bucket', () => {
  it('gives as many as it holds at once, then as they come, and says how long to wait', () => {
    const limit = buckets(2, 3, 'project')!
    for (let n = 0; n < 3; n++) limit.take('a', 0)
    expect(() => limit.take('a', 0)).toThrow(
      expect.objectContaining({ kind: 'tooManyRequests', headers: { 'retry-after': '1' } }),
    )
    limit.take('b', 0)
    limit.take('a', 500)
    expect(() => limit.take('a', 500)).toThrow('retry after')
    // It never holds more than it may.
    for (let n = 0; n < 3; n++) limit.take('a', 1_000_000)
    expect(() => limit.take('a', 1_000_000)).toThrow('retry after')
  })

  it('that fills slowly says so', () => {
    const limit = buckets(1, 1, 'address')!
    limit.take('a', 0)
    expect(() => limit.take('a', 1)).toThrow(
      expect.objectContaining({ message: 'This address makes too many requests; retry after 1 s.' }),
    )
  })

  it('is none where nothing is limited', () => {
    expect(buckets(0, 100, 'project')).toBeUndefined()
  })

  it('is forgotten when it is full again, so that strange addresses fill no memory', () => {
    const limit = buckets(1, 1, 'address')!
    for (let n = 0; n < 50_000; n++) limit.take(`address ${n}`, n)
    limit.take('last', 50_000)
    expect(() => limit.take('last', 50_001)).toThrow('retry after')
  })
})
