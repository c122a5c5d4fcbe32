// How soon a bus client is back when its broker was away: at once where the broker only starts again, without haste later.
import { afterEach, expect, test } from 'vitest'
import type { Bus } from '#kit/bus/bus.ts'
import { openBus } from '#kit/bus/client.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import { silentLog } from '#kit/log/log.ts'
import type { Connection } from '#kit/world/world.ts'
import { type TestBroker, testBroker } from './test-broker.ts'

let parts: TestBroker
let client: Bus
afterEach(async () => {
  await client.close()
  await parts.broker.close()
})

async function lost() {
  parts = await testBroker()
  const { world } = parts
  let stream: Connection | undefined
  const seen = { away: false, attempts: 0 }
  client = await openBus({
    world,
    log: silentLog,
    journal: openJournal({ world, log: silentLog, host: 'h', service: 'test', sink: memorySink() }),
    async connect() {
      seen.attempts++
      if (seen.away) throw new CloudError('unavailable', 'no route')
      stream = parts.stream()
      return stream
    },
    user: 'nimbo',
    password: 'secret',
    name: 'h',
  })
  seen.away = true
  stream!.destroy()
  await world.settle()
  return { world, seen }
}

test.each([1_000, 3_000, 9_000])(
  'a broker that starts again within %d ms is not waited for longer',
  async (ms) => {
    const { world, seen } = await lost()
    await world.advance(ms)
    expect(client.connected).toBe(false)
    seen.away = false
    await world.advance(500)
    expect(client.connected).toBe(true)
  },
)

test('one that stays away is asked every few seconds', async () => {
  const { world, seen } = await lost()
  await world.advance(30_000)
  const before = seen.attempts
  await world.advance(60_000)
  expect(seen.attempts - before).toBeLessThan(30)
  seen.away = false
  await world.advance(5_500)
  expect(client.connected).toBe(true)
})
