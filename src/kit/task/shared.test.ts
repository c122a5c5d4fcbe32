// Two processes with runners of their own on one database, each with its own connections and its own time, as controllers
// have them: leases are judged by the database alone.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { migrate } from '../db/migrate.ts'
import { openDatabase } from '../db/open.ts'
import { testServers } from '../db/test-database.ts'
import type { Trace } from '../journal/journal.ts'
import { silentLog } from '../log/log.ts'
import { virtualWorld } from '../world/virtual.ts'
import { recordingJournal } from './recording-journal.ts'
import { startTasks } from './runner.ts'
import { taskMigration, taskTable } from './store.ts'
import { task } from './task.ts'

const trace: Trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }
const leaseMs = 30_000

/** A database that two processes reach; SQLite in a file, for one in memory has one process. */
const places = testServers().map(({ name, fresh }) => ({
  name,
  async open() {
    if (name !== 'SQLite') {
      const made = await fresh()
      onTestFinished(made.drop)
      return made.url
    }
    const folder = mkdtempSync(join(tmpdir(), 'nimbo-task-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    return `sqlite:${folder}/shared.db`
  },
}))

describe.each(places)('two controllers on one database of $name', ({ name, open }) => {
  type Said = { by: string; step: string }
  const setUp = async () => {
    const url = await open()
    const said: Said[] = []
    const controller = async (owner: string, inFirst: () => Promise<void> = async () => {}) => {
      const definition = task<{ owner: string }, object>()({
        name: 'make',
        start: 'first',
        deadlineMs: 600_000,
        steps: {
          first: async (t) => {
            said.push({ by: t.app.owner, step: 'first' })
            await inFirst()
            return { go: 'second' }
          },
          second: async (t) => {
            said.push({ by: t.app.owner, step: 'second' })
            return { done: true, result: t.app.owner }
          },
        },
      })
      const world = virtualWorld({ seed: owner.length })
      const db = await openDatabase(world, url)
      await migrate(world, db, [taskMigration])
      const { journal } = recordingJournal()
      const definitions = [definition]
      const tasks = startTasks({
        world,
        log: silentLog,
        journal,
        db,
        app: { owner },
        definitions,
        owner,
        leaseMs,
      })
      const begin = (subject: string) =>
        db.transaction((tx) => tasks.start(tx, definition, { subject, frame: {}, trace }))
      return { world, db, tasks, begin }
    }
    return { said, controller }
  }

  it('go on with the tasks of the one that was killed, which can save nothing any more', async () => {
    const { said, controller } = await setUp()
    const reached = Promise.withResolvers<void>()
    const thawed = Promise.withResolvers<void>()
    // As a machine that stands still: no lease is renewed, and its step ends an hour late.
    const dead = await controller('first', async () => {
      reached.resolve()
      await thawed.promise
    })
    const id = await dead.begin('server:1')
    await reached.promise
    const other = await controller('two')
    await other.world.advance(leaseMs - 2000)
    expect(said).toEqual([{ by: 'first', step: 'first' }])
    await other.world.advance(4000)
    expect(said.slice(1)).toEqual([
      { by: 'two', step: 'first' },
      { by: 'two', step: 'second' },
    ])
    thawed.resolve()
    await dead.tasks.stop()
    expect(await taskTable.get(other.db, id)).toMatchObject({ status: 'done', result: 'two' })
    expect(said).toHaveLength(3)
    await other.tasks.stop()
    await Promise.all([dead.db.close(), other.db.close()])
  })

  // Two connections of one thread to a file keep each other waiting as two processes don't.
  it.runIf(name !== 'SQLite')('do each task once, whoever of them was asked for it', async () => {
    const { said, controller } = await setUp()
    const both = [await controller('first'), await controller('two')]
    const subjects = Array.from({ length: 20 }, (_, n) => `server:${n}`)
    await Promise.all(subjects.map((subject, n) => both[n % 2]!.begin(subject)))
    for (let n = 0; n < 5; n++) for (const { world } of both) await world.advance(1000)
    expect(said.filter(({ step }) => step === 'first')).toHaveLength(20)
    expect(await taskTable.count(both[0]!.db, { status: 'done' })).toBe(20)
    for (const { tasks, db } of both) {
      await tasks.stop()
      await db.close()
    }
  })
})
