import { expect, test } from 'vitest'
import { groupFlush } from './flush.ts'

function open() {
  const begun: { end(error?: Error): void }[] = []
  const flush = groupFlush(
    () =>
      new Promise<void>((resolve, reject) => {
        begun.push({ end: (error) => (error ? reject(error) : resolve()) })
      }),
  )
  const told: string[] = []
  const commit = (name: string) => {
    flush.committed()
    return flush.flushed().then(
      () => void told.push(name),
      () => void told.push(`${name} failed`),
    )
  }
  return { begun, flush, told, commit }
}

test('one flush answers all who committed before it began, and the next all who came meanwhile', async () => {
  const { begun, told, commit } = open()
  const first = commit('a')
  const later = [commit('b'), commit('c')]
  expect(begun).toHaveLength(1)
  begun[0]!.end()
  await first
  expect(told).toEqual(['a'])
  await Promise.resolve()
  expect(begun).toHaveLength(2)
  begun[1]!.end()
  await Promise.all(later)
  expect(told).toEqual(['a', 'b', 'c'])
})

test('who committed nothing waits for no flush of its own, but for what it may have seen', async () => {
  const { begun, flush, commit } = open()
  await flush.flushed()
  expect(begun).toHaveLength(0)
  const first = commit('a')
  let over = false
  const reader = flush.flushed().then(() => {
    over = true
  })
  await Promise.resolve()
  expect(over).toBe(false)
  begun[0]!.end()
  await Promise.all([first, reader])
  expect(begun).toHaveLength(1)
})

test('a flush that failed fails those who waited for it, and the next one tries again', async () => {
  const { begun, told, flush, commit } = open()
  const first = commit('a')
  begun[0]!.end(new Error('the disk is full'))
  await first
  expect(told).toEqual(['a failed'])
  const again = flush.flushed()
  expect(begun).toHaveLength(2)
  begun[1]!.end()
  await again
})
