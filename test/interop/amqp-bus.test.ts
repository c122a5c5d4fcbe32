// The bus client over a real TCP port: a call, a cast and a broker that goes away and comes back with its disk.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Type } from 'typebox'
import { expect, test } from 'vitest'
import { openBroker } from '#broker/broker.ts'
import { everything } from '#broker/test-broker.ts'
import { openBus } from '#kit/bus/client.ts'
import { call, cast, contract } from '#kit/bus/contract.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import { silentLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'

const echo = contract('test', 'echo', '1.0', {
  back: call(Type.String(), Type.String()),
  note: cast(Type.String()),
})

test('calls and casts go through a socket, also after the broker was restarted', async () => {
  const world = realWorld()
  const dataDir = mkdtempSync(join(tmpdir(), 'nimbo-bus-'))
  const users = { nimbo: { password: 'secret', permissions: { '/': everything } } }
  const start = () => openBroker({ world, log: silentLog, users, dataDir })
  let broker = await start()
  const { address } = await broker.listen({ host: '127.0.0.1', port: 0 })
  const journal = openJournal({ world, log: silentLog, host: 'here', service: 'test', sink: memorySink() })
  const account = { user: 'nimbo', password: 'secret', name: 'test' }
  const bus = await openBus({
    world,
    log: silentLog,
    journal,
    connect: () => world.sockets.connect(address),
    ...account,
  })
  const notes: string[] = []
  let noted = () => {}
  await bus.serve(echo, 'here', 'echo', {
    back: async (text) => text,
    note: async (text) => {
      notes.push(text)
      noted()
    },
  })
  const caller = bus.caller(echo, 'test')
  const trace = journal.newTrace()
  expect(await caller.back('hello', { trace, host: 'here' })).toBe('hello')

  await broker.close()
  const waiting = new Promise<void>((resolve) => {
    noted = resolve
  })
  const sent = caller.note('sent while the broker was away', { trace })
  broker = await start()
  await broker.listen(address)
  await sent
  await waiting
  expect(notes).toEqual(['sent while the broker was away'])
  expect(await caller.back('again', { trace })).toBe('again')
  await bus.close()
  await broker.close()
  await journal.close()
  rmSync(dataDir, { recursive: true })
})
