import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { migrate } from '../db/migrate.ts'
import { schemaDifferences } from '../db/schema.ts'
import { type FreshDatabase, testServers } from '../db/test-database.ts'
import { realWorld } from '../world/real.ts'
import {
  findDue,
  findNextTime,
  findOpen,
  freeLeases,
  keepSignal,
  saveHeld,
  type TaskRecord,
  takeLease,
  taskMigration,
  taskTable,
} from './store.ts'

const row = (change: Partial<TaskRecord> = {}): TaskRecord => ({
  id: 'a',
  kind: 'k',
  subject: 's',
  step: 'first',
  state: {},
  undo: [],
  signals: {},
  status: 'ready',
  runAt: 100,
  waitFor: null,
  thenStep: null,
  leaseUntil: 0,
  leaseOwner: null,
  attempts: 0,
  deadlineAt: 1000,
  failure: null,
  failedStep: null,
  traceId: 't',
  spanId: 's',
  result: null,
  error: null,
  createdAt: 1,
  updatedAt: 1,
  release: '',
  ...change,
})

describe.each(testServers())('rows of tasks on $name', ({ fresh }) => {
  let made: FreshDatabase
  let db: FreshDatabase['db']
  beforeAll(async () => {
    made = await fresh()
    db = made.db
    await migrate(realWorld(), db, [taskMigration])
  })
  afterAll(() => made.drop())
  beforeEach(() => taskTable.delete(db, {}))

  it('lie in the table that is declared', async () => {
    expect(await schemaDifferences(db, [taskTable])).toEqual([])
  })

  it('are due when their time has come and nobody holds them', async () => {
    await taskTable.insert(db, [
      row({ id: 'late', runAt: 90 }),
      row({ id: 'due', runAt: 100, status: 'undoing' }),
      row({ id: 'soon', runAt: 150 }),
      row({ id: 'waits', runAt: 120, status: 'waiting', waitFor: 'x' }),
      row({ id: 'held', leaseUntil: 101, leaseOwner: 'x#1' }),
      row({ id: 'ended', status: 'done' }),
      row({ id: 'other', kind: 'unknown' }),
    ])
    expect((await findDue(db, ['k'], 100, 9)).map((each) => each.id)).toEqual(['late', 'due'])
    expect((await findDue(db, ['k'], 100, 1)).map((each) => each.id)).toEqual(['late'])
    expect(await findNextTime(db, ['k'], 100)).toBe(150)
    expect((await findOpen(db, 's', 'k')).length).toBe(5)
  })

  it('go to one of those that want them', async () => {
    await taskTable.insert(db, row())
    const seen = (await taskTable.get(db, 'a'))!
    const got = await Promise.all(['x#1', 'y#1', 'z#1'].map((owner) => takeLease(db, seen, owner, 500)))
    const holders = got.filter((each) => each !== undefined)
    expect(holders).toHaveLength(1)
    const { leaseOwner } = holders[0]!
    expect(await saveHeld(db, 'a', leaseOwner!, { step: 'second' })).toBe(true)
    expect(await saveHeld(db, 'a', 'other#1', { step: 'third' })).toBe(false)
    expect((await taskTable.get(db, 'a'))?.step).toBe('second')
  })

  it('are freed for their own owner alone', async () => {
    const held = { leaseUntil: 500 }
    await taskTable.insert(db, [
      row({ id: 'a', ...held, leaseOwner: 'node_1#0f' }),
      row({ id: 'b', ...held, leaseOwner: 'node_1#ff' }),
      row({ id: 'c', ...held, leaseOwner: 'node_10#0f' }),
      row({ id: 'd', ...held, leaseOwner: 'nodex1#0f' }),
    ])
    expect(await freeLeases(db, 'node_1')).toBe(2)
    expect((await taskTable.find(db, { leaseOwner: null })).map((each) => each.id).sort()).toEqual(['a', 'b'])
  })

  it('keep every signal of those that come together', async () => {
    await taskTable.insert(db, row({ status: 'waiting', waitFor: 'x', thenStep: 'second', runAt: 900 }))
    const give = (name: string) =>
      db.transaction(async (tx) => {
        for (const each of await findOpen(tx, 's')) await keepSignal(tx, each, name, { from: name }, 200)
      })
    await Promise.all([give('x'), give('y'), give('z')])
    const after = await taskTable.get(db, 'a')
    expect(Object.keys(after!.signals).sort()).toEqual(['x', 'y', 'z'])
    expect(after).toMatchObject({
      status: 'ready',
      step: 'second',
      runAt: 200,
      signals: { x: { fresh: false } },
    })
  })
})
