// kombu on py-amqp, from Debian's python3-kombu, against the embedded broker: what oslo.messaging stands on (row 247).
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ListeningBroker, listeningBroker } from './amqp-broker.ts'

let server: ListeningBroker
beforeAll(async () => {
  server = await listeningBroker()
})
afterAll(() => server.broker.close())

test.skipIf(!existsSync('/usr/lib/python3/dist-packages/kombu'))(
  'kombu fails over, calls and answers, and knows our errors',
  async () => {
    const program = join(import.meta.dirname, 'amqp-kombu.py')
    const { stdout } = await promisify(execFile)('/usr/bin/python3', [program, server.url], {
      timeout: 60_000,
    })
    expect(JSON.parse(stdout)).toEqual({
      capabilities: ['publisher_confirms', 'consumer_cancel_notify', 'connection.blocked', 'basic.nack'],
      qos_as_rabbitmq: true,
      answers: [0, 2, 4, 6, 8],
      by_priority: [9, 5, 1],
      missing: 404,
      quiet: true,
    })
  },
)
