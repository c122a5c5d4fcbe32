import { expect, test } from 'vitest'
import { virtualWorld } from '../world/virtual.ts'
import { gatheringSink } from './gathering-sink.ts'
import type { JournalEvent } from './journal.ts'

const event = (id: string): JournalEvent => ({
  id,
  at: 0,
  kind: 'task',
  name: 'made',
  service: 'nova',
  host: 'one',
  traceId: '0'.repeat(32),
  spanId: '0'.repeat(16),
  outcome: 'ok',
})

test('what several append within its time is one batch, and all are answered with it', async () => {
  const world = virtualWorld()
  const batches: string[][] = []
  const sink = gatheringSink(
    world,
    { append: (events) => void batches.push(events.map(({ id }) => id)), close() {} },
    100,
  )
  const both = Promise.all([sink.append([event('a'), event('b')]), sink.append([event('c')])])
  expect(batches).toEqual([])
  await world.advance(100)
  await both
  expect(batches).toEqual([['a', 'b', 'c']])
  const last = sink.append([event('d')])
  await world.advance(100)
  await last
  expect(batches).toHaveLength(2)
})

test('what could not be kept is told to each who gave it', async () => {
  const world = virtualWorld()
  const sink = gatheringSink(world, { append: () => Promise.reject(new Error('full')), close() {} }, 100)
  const told = Promise.allSettled([sink.append([event('a')]), sink.append([event('b')])])
  await world.advance(100)
  expect((await told).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
})
