// The journal as its writers and readers meet it, on every store that can be asked.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { migrate } from '../db/migrate.ts'
import { schemaDifferences } from '../db/schema.ts'
import { testServers } from '../db/test-database.ts'
import { CloudError } from '../errors/cloud-error.ts'
import { silentLog } from '../log/log.ts'
import { virtualWorld } from '../world/virtual.ts'
import { databaseSink, eventMigration, eventTable } from './database-sink.ts'
import { formatTraceparent, type JournalEvent, parseTraceparent } from './journal.ts'
import { memorySink } from './memory-sink.ts'
import type { Retention } from './retention.ts'
import { sqliteSink } from './sqlite-sink.ts'
import { type JournalSink, type JournalStore, openJournal } from './store.ts'

const folder = mkdtempSync(join(tmpdir(), 'nimbo-journal-'))
afterAll(() => rmSync(folder, { recursive: true }))

function openOn<S extends JournalSink>(sink: S, world = virtualWorld()) {
  return {
    world,
    sink,
    journal: openJournal({ world, log: silentLog, host: 'node1', service: 'nova-api', sink }),
  }
}

type MakeStore = (retention: Retention) => Promise<JournalStore>
const stores: [name: string, make: MakeStore][] = [
  ['memory', async (retention) => memorySink(retention)],
  ['an SQLite file', async (retention) => sqliteSink(virtualWorld(), ':memory:', retention)],
  ...testServers().map(({ name, fresh }): [string, MakeStore] => [
    `a table of ${name}`,
    async (retention) => {
      const { db, drop } = await fresh()
      onTestFinished(drop)
      await migrate(virtualWorld(), db, [eventMigration])
      return databaseSink(virtualWorld(), db, retention)
    },
  ]),
]

describe.each(stores)('the journal in %s', (_, makeStore) => {
  const setUp = async (retention: Retention = {}) => openOn(await makeStore(retention))

  it('gives back what was recorded, filled in', async () => {
    const { journal, sink } = await setUp()
    const trace = journal.newTrace()
    journal.record(trace, {
      kind: 'db',
      name: 'server.insert',
      subject: 'server:1',
      requestId: 'req-1',
      data: { table: 'server', password: 'hunter2' },
    })
    await journal.flush()
    const [event] = await sink.query({ traceId: trace.traceId, limit: 10 })
    expect(event).toMatchObject({
      kind: 'db',
      name: 'server.insert',
      service: 'nova-api',
      host: 'node1',
      subject: 'server:1',
      requestId: 'req-1',
      outcome: 'ok',
      spanId: trace.spanId,
      data: { table: 'server', password: '***' },
    })
    expect(event?.id).toMatch(/^[0-9a-f]{24}$/)
    expect(event?.at).toBe(Date.UTC(2026, 0, 1))
  })

  it('answers by trace, subject, kind, name and time, oldest first', async () => {
    const { journal, sink, world } = await setUp()
    const [one, two] = [journal.newTrace(), journal.newTrace()]
    const times: number[] = []
    for (const [trace, name, subject] of [
      [one, 'a', 'server:1'],
      [two, 'b', 'server:2'],
      [one, 'c', 'port:1'],
      [two, 'a', 'server:1'],
    ] as const) {
      times.push(world.clock.now())
      journal.record(trace, { kind: name === 'c' ? 'rest' : 'task', name, subject })
      await world.advance(10)
    }
    journal.record(two, { kind: 'task', name: 'earlier', at: times[0]! - 5 })
    await journal.flush()
    const names = async (query: object) =>
      (await sink.query({ limit: 10, ...query })).map((event) => event.name)
    expect(await names({})).toEqual(['earlier', 'a', 'b', 'c', 'a'])
    expect(await names({ traceId: one.traceId })).toEqual(['a', 'c'])
    expect(await names({ subject: 'server:1' })).toEqual(['a', 'a'])
    expect(await names({ kinds: ['rest'] })).toEqual(['c'])
    expect(await names({ names: ['b', 'c'] })).toEqual(['b', 'c'])
    expect(await names({ since: times[1], until: times[3] })).toEqual(['b', 'c'])
    expect(await names({ limit: 2 })).toEqual(['earlier', 'a'])
    expect(await names({ limit: 2, newest: true })).toEqual(['c', 'a'])
  })

  it('keeps an event once, however often it comes', async () => {
    const { journal, sink } = await setUp()
    journal.record(journal.newTrace(), { kind: 'task', name: 'x' })
    await journal.flush()
    await sink.append(await sink.query({ limit: 10 }))
    expect(await sink.query({ limit: 10 })).toHaveLength(1)
  })

  it('keeps the newest where there are more than it may hold', async () => {
    const { journal, sink, world } = await setUp({ maxEvents: 50 })
    for (let n = 0; n < 80; n++) {
      journal.record(journal.newTrace(), { kind: 'task', name: `n${n}` })
      await world.advance(1)
      if (n % 20 === 0) await journal.flush()
    }
    await journal.flush()
    const events = await sink.query({ limit: 1000 })
    expect(events).toHaveLength(50)
    expect(events.at(-1)?.name).toBe('n79')
  })

  it('times spans from their beginning, with their end and their error', async () => {
    const { journal, sink, world } = await setUp()
    const trace = journal.newTrace()
    const started = world.clock.now()
    const good = journal.span(trace, { kind: 'rest', name: 'good' }, async (child) => {
      await world.timers.sleep(30)
      return child
    })
    await world.advance(30)
    const child = await good
    const bad = journal.span(trace, { kind: 'rest', name: 'bad' }, async () => {
      throw new CloudError('unavailable', 'No answer from amqp://u:pw@h')
    })
    await expect(bad).rejects.toThrow('No answer')
    await journal.flush()
    const [first, second] = await sink.query({ limit: 10 })
    expect(first).toMatchObject({ name: 'good', at: started, durationMs: 30, outcome: 'ok' })
    expect(first).toMatchObject({ traceId: trace.traceId, parentId: trace.spanId, spanId: child.spanId })
    expect(second).toMatchObject({ name: 'bad', outcome: 'error', error: 'No answer from amqp://u:***@h' })
  })

  it('names the service that recorded', async () => {
    const { journal, sink } = await setUp()
    const scheduler = journal.as('nova-scheduler')
    scheduler.record(journal.newTrace(), { kind: 'decision', name: 'filter' })
    scheduler.record(journal.newTrace(), { kind: 'decision', name: 'own', service: 'placement' })
    await scheduler.flush()
    const events = await sink.query({ limit: 10 })
    expect(events.map((event) => event.service)).toEqual(['nova-scheduler', 'placement'])
  })
})

describe.each(testServers())('the table of the journal on $name', ({ fresh }) => {
  const setUp = async (world = virtualWorld(), retention: Retention = {}) => {
    const made = await fresh()
    onTestFinished(made.drop)
    await migrate(world, made.db, [eventMigration])
    return { ...openOn(databaseSink(world, made.db, retention), world), db: made.db }
  }

  it('is the one that is declared', async () => {
    const { db } = await setUp()
    expect(await schemaDifferences(db, [eventTable])).toEqual([])
  })

  it('forgets what is too old, and takes names and subjects of any length', async () => {
    const { journal, sink, world } = await setUp(virtualWorld(), { maxAgeMs: 1000, maxEvents: 500 })
    const record = (name: string, subject?: string) =>
      journal.record(journal.newTrace(), { kind: 'task', name, subject })
    record('old')
    await journal.flush()
    await world.advance(2000)
    record('n'.repeat(300), `\0${'s'.repeat(300)}`)
    await journal.flush()
    const [event, ...others] = await sink.query({ subject: `${'s'.repeat(300)}`, limit: 10 })
    expect(others).toEqual([])
    expect(event?.name).toHaveLength(300)
    expect(await sink.query({ limit: 10 })).toHaveLength(1)
  })
})

describe('the journal file', () => {
  it('is there after a restart', async () => {
    const path = join(folder, 'again.db')
    const first = openOn(sqliteSink(virtualWorld(), path))
    first.journal.record(first.journal.newTrace(), { kind: 'task', name: 'kept', subject: 'server:1' })
    await first.journal.close()
    const again = sqliteSink(virtualWorld(), path)
    expect((await again.query({ subject: 'server:1', limit: 1 }))[0]?.name).toBe('kept')
    await again.close()
  })

  it('forgets what is too old', async () => {
    const world = virtualWorld()
    const { journal, sink } = openOn(sqliteSink(world, ':memory:', { maxAgeMs: 1000 }), world)
    journal.record(journal.newTrace(), { kind: 'task', name: 'old' })
    await journal.flush()
    await world.advance(2000)
    journal.record(journal.newTrace(), { kind: 'task', name: 'new' })
    await journal.flush()
    expect((await sink.query({ limit: 10 })).map((event) => event.name)).toEqual(['new'])
  })
})

describe('recording', () => {
  const failing = () => {
    const stored: JournalEvent[] = []
    const sink = {
      broken: true,
      tries: 0,
      stored,
      append(events: readonly JournalEvent[]) {
        sink.tries++
        if (sink.broken) throw new Error('no space left on device')
        stored.push(...events)
      },
      close() {},
    }
    return sink
  }

  it('is written without anybody waiting, a moment later and in one batch', async () => {
    const sink = failing()
    sink.broken = false
    const { journal, world } = openOn(sink)
    for (let n = 0; n < 10; n++) journal.record(journal.newTrace(), { kind: 'task', name: 'x' })
    expect(sink.stored).toHaveLength(0)
    await world.advance(20)
    expect(sink.stored).toHaveLength(10)
    expect(sink.tries).toBe(1)
  })

  it('survives a disk that is full for a while, in order and without loss', async () => {
    const sink = failing()
    const { journal, world } = openOn(sink)
    journal.record(journal.newTrace(), { kind: 'task', name: 'first' })
    await world.advance(50)
    journal.record(journal.newTrace(), { kind: 'task', name: 'second' })
    await world.advance(5000)
    expect(sink.stored).toHaveLength(0)
    expect(sink.tries).toBeLessThan(10)
    sink.broken = false
    await world.advance(1000)
    expect(sink.stored.map((event) => event.name)).toEqual(['first', 'second'])
  })

  it('drops the oldest rather than fill the memory', async () => {
    const sink = failing()
    const { journal } = openOn(sink)
    const trace = journal.newTrace()
    for (let n = 0; n < 51_000; n++) journal.record(trace, { kind: 'task', name: `n${n}` })
    await journal.flush()
    sink.broken = false
    await journal.flush()
    expect(sink.stored).toHaveLength(50_000)
    expect(sink.stored[0]?.name).toBe('n1000')
  })

  it('ends with the journal: nothing is tried on a closed sink, also after a full batch', async () => {
    const sink = failing()
    sink.broken = false
    const { journal, world } = openOn(sink)
    for (let n = 0; n < 1000; n++) journal.record(journal.newTrace(), { kind: 'task', name: 'x' })
    await journal.close()
    sink.broken = true
    const { tries } = sink
    journal.record(journal.newTrace(), { kind: 'task', name: 'late' })
    await world.advance(10_000)
    expect(sink.tries).toBe(tries)
    expect(sink.stored).toHaveLength(1000)
  })

  it('is complete after a flush, also when two are asked for while a batch is on its way', async () => {
    const stored: string[] = []
    const sink = {
      async append(events: readonly JournalEvent[]) {
        for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
        stored.push(...events.map((event) => event.name))
      },
      close() {},
    }
    const { journal } = openOn(sink)
    journal.record(journal.newTrace(), { kind: 'task', name: 'a' })
    const first = journal.flush()
    journal.record(journal.newTrace(), { kind: 'task', name: 'b' })
    const counts = await Promise.all([1, 2].map(() => journal.flush().then(() => stored.length)))
    await first
    expect(counts).toEqual([2, 2])
  })

  it('gives each event and span an id of its own, the same for the same seed', async () => {
    const idsOf = async (seed: number) => {
      const { journal, sink } = openOn(memorySink(), virtualWorld({ seed }))
      for (let n = 0; n < 3000; n++) journal.record(journal.newTrace(), { kind: 'task', name: 'x' })
      await journal.flush()
      return sink.events.flatMap((event) => [event.id, event.traceId, event.spanId])
    }
    const ids = await idsOf(7)
    expect(new Set(ids).size).toBe(9000)
    expect(await idsOf(7)).toEqual(ids)
    expect(await idsOf(8)).not.toEqual(ids)
  })
})

describe('trace context', () => {
  it('passes from one service to the next', () => {
    const { journal } = openOn(memorySink())
    const trace = journal.newTrace()
    expect(parseTraceparent(formatTraceparent(trace))).toEqual(trace)
    expect(parseTraceparent('00-short-01')).toBeUndefined()
    expect(parseTraceparent(undefined)).toBeUndefined()
  })
})

it('goes on writing after a disk that took longer than the pause between two batches', async () => {
  const world = virtualWorld()
  const kept: string[] = []
  const slow: JournalSink = {
    async append(events) {
      await world.timers.sleep(200)
      kept.push(...events.map((event) => event.name))
    },
    close() {},
  }
  const { journal } = openOn(slow, world)
  const trace = journal.newTrace()
  const record = (name: string) => journal.record(trace, { kind: 'db', name })
  record('first')
  await world.advance(50)
  record('while the first is written')
  await world.advance(1_000)
  expect(kept).toEqual(['first', 'while the first is written'])
  record('after both')
  await world.advance(1_000)
  expect(kept).toEqual(['first', 'while the first is written', 'after both'])
})
