// pika, from Debian's python3-pika, against the embedded broker: a client of another language, as row 247 asks.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ListeningBroker, listeningBroker } from './amqp-broker.ts'

const python = '/usr/bin/python3'
let server: ListeningBroker
beforeAll(async () => {
  server = await listeningBroker()
})
afterAll(() => server.broker.close())

test.skipIf(!existsSync('/usr/lib/python3/dist-packages/pika'))(
  'pika publishes, consumes, gets, and reads our errors',
  async () => {
    const program = join(import.meta.dirname, 'amqp-pika.py')
    const { stdout } = await promisify(execFile)(python, [program, server.url], { timeout: 60_000 })
    expect(JSON.parse(stdout)).toEqual({
      confirmed: 30,
      returned: [312],
      consumed: Array.from({ length: 30 }, (_, i) => `${i}`),
      most: 4,
      headers: { number: 5, nested: { ok: true } },
      server_named: true,
      redelivered: [false, true, 'one'],
      empty: true,
      locked: 405,
      unknown_type: 406,
    })
  },
)
