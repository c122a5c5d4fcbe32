// What an error tells: to the caller, and to the log.
import { expect, it } from 'vitest'
import { CloudError, fullMessage } from './cloud-error.ts'

it('holds no secret in its words, whatever they are made of', () => {
  const error = new CloudError('badRequest', 'The store http://u:hunter2@h/ is away', {
    detail: 'token=hunter2',
  })
  expect(error.message).toBe('The store http://u:***@h/ is away')
  expect(error.detail).toBe('token=***')
})

it('is told with its causes, also where one is its own', () => {
  const first = new Error('first')
  const second = new CloudError('conflict', 'second', { cause: first, detail: 'more' })
  expect(fullMessage(second)).toBe('second (more): first')
  first.cause = second
  expect(fullMessage(second)).toMatch(/^second \(more\): first: second \(more\): first/)
})
