// No secret gets into a log line: not by a field at any depth, not by the fields of a whole log, not by the words.
import { expect, it } from 'vitest'
import { CloudError, fullMessage } from '../errors/cloud-error.ts'
import { openLog } from './log.ts'

function opened(level?: string) {
  const lines: string[] = []
  const log = openLog({ level, destination: { write: (line) => void lines.push(line) } })
  return { log, lines }
}

it('hides secrets wherever they stand, and tells the rest', () => {
  const { log, lines } = opened()
  const request = { headers: { 'X-Auth-Token': 'hunter2' }, body: [{ deep: { adminPass: 'hunter2' } }] }
  log
    .with({ requestId: 'r', own: { token: 'hunter2' } })
    .warn({ request }, 'cannot reach amqp://u:hunter2@h/')
  const cause = new Error('bad line: {"password": "hunter2"}')
  const error = new CloudError('conflict', 'refused', { cause, detail: 'secret=hunter2' })
  log.error({ error: fullMessage(error) }, 'it failed')
  expect(lines.join('')).not.toContain('hunter2')
  expect(JSON.parse(lines[0]!)).toMatchObject({
    level: 'warn',
    requestId: 'r',
    msg: 'cannot reach amqp://u:***@h/',
    request: { headers: { 'X-Auth-Token': '***' }, body: [{ deep: { adminPass: '***' } }] },
  })
  expect(JSON.parse(lines[1]!)).toMatchObject({ error: 'refused (secret=***): bad line: {"password": ***}' })
})

it('does not even look at what a level leaves out', () => {
  const { log, lines } = opened('warn')
  const fields = {
    get looked() {
      throw new Error('it was looked at')
    },
  }
  log.debug(fields, 'nothing')
  expect(lines).toEqual([])
})
