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

test('is closed when all was taken, also where the last could not be', async () => {
  const world = virtualWorld()
  const order: string[] = []
  const answers: PromiseWithResolvers<void>[] = []
  const inner = {
    append() {
      const answer = Promise.withResolvers<void>()
      answers.push(answer)
      return answer.promise
    },
    close: () => void order.push('closed'),
  }
  const sink = gatheringSink(world, inner, 100)
  const told = Promise.allSettled([sink.append([event('a')])])
  await world.advance(100)
  const late = Promise.allSettled([sink.append([event('b')])])
  await world.advance(100)
  const closed = Promise.resolve(sink.close()).then(() => order.push('told'))
  answers[1]!.reject(new Error('full'))
  await late
  await world.settle()
  expect(order).toEqual([])
  answers[0]!.resolve()
  await Promise.all([told, closed])
  expect(order).toEqual(['closed', 'told'])
})
