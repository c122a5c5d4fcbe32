import { expect, test } from 'vitest'
import type { Trace } from '../journal/journal.ts'
import { memorySink } from '../journal/memory-sink.ts'
import { openJournal } from '../journal/store.ts'
import { silentLog } from '../log/log.ts'
import { virtualWorld } from '../world/virtual.ts'
import { startTurns } from './turns.ts'

function open(outcome: () => boolean, more: { phase?: number } = {}) {
  const world = virtualWorld()
  const journal = openJournal({ world, log: silentLog, host: 'node1', service: 'test', sink: memorySink() })
  const taken: { at: number; trace: Trace }[] = []
  const turns = startTurns(world, silentLog, journal, {
    name: 'test',
    everyMs: 60_000,
    ...more,
    async turn(trace) {
      taken.push({ at: world.clock.monotonic(), trace })
      return { again: outcome() }
    },
  })
  const since = world.clock.monotonic()
  return { world, journal, turns, taken, times: () => taken.map(({ at }) => at - since) }
}

test('takes a turn when asked and each interval, and no more while nothing is left over', async () => {
  const { world, turns, times } = open(() => false)
  turns.nudge()
  await world.settle()
  await world.advance(120_000)
  expect(times()).toEqual([0, 60_000, 120_000])
  await turns.stop()
})

test.each([
  ['left something over', () => true],
  [
    'failed',
    () => {
      throw new Error('the host is full')
    },
  ],
] as [string, () => boolean][])('looks again in a second after a turn that %s', async (_name, first) => {
  let outcome = first
  const { world, turns, times } = open(() => outcome())
  turns.nudge()
  await world.settle()
  outcome = () => false
  await world.advance(30_000)
  expect(times()).toEqual([0, 1000])
  await turns.stop()
})

test('a turn belongs to the work that asked for it, and only one turn does', async () => {
  const { world, journal, turns, taken } = open(() => false)
  const cause = journal.newTrace()
  turns.nudge(cause)
  await world.settle()
  turns.nudge()
  await world.settle()
  expect(taken[0]!.trace).toMatchObject({ traceId: cause.traceId, parentId: cause.spanId })
  expect(taken[1]!.trace.traceId).not.toBe(cause.traceId)
  await turns.stop()
})

test('takes no turn after the stop, whatever was still to come', async () => {
  const { world, turns, times } = open(() => true)
  turns.nudge()
  await world.settle()
  await turns.stop()
  turns.soon()
  turns.nudge()
  await world.advance(120_000)
  expect(times()).toEqual([0])
})

test('waits a part of its interval the first time, where it is given a phase', async () => {
  const { world, turns, times } = open(() => false, { phase: 0.25 })
  turns.nudge()
  await world.settle()
  await world.advance(120_000)
  expect(times()).toEqual([0, 15_000, 75_000])
  await turns.stop()
})
