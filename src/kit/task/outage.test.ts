// A database that is away for a while, in the midst of a task.
import { expect, it, onTestFinished } from 'vitest'
import type { Database } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { openDatabase } from '../db/open.ts'
import { CloudError } from '../errors/cloud-error.ts'
import { silentLog } from '../log/log.ts'
import { virtualWorld } from '../world/virtual.ts'
import { recordingJournal } from './recording-journal.ts'
import { startTasks } from './runner.ts'
import { taskMigration, taskTable } from './store.ts'
import { task } from './task.ts'

const leaseMs = 30_000

it('a step whose end could not be saved is done again as soon as the database is back', async () => {
  const world = virtualWorld()
  const real = await openDatabase(world, 'sqlite::memory:')
  await migrate(world, real, [taskMigration])
  let isAway = false
  const lost = () => {
    if (isAway) throw new CloudError('unavailable', 'The database can not be reached.', { type: 'db.lost' })
  }
  const db: Database = {
    ...real,
    async execute(...given) {
      lost()
      return real.execute(...given)
    },
    async transaction(...given) {
      lost()
      return real.transaction(...given)
    },
  }
  let goes = 0
  const definition = task<object, object>()({
    name: 'make',
    start: 'only',
    deadlineMs: 600_000,
    steps: {
      only: async () => {
        isAway = ++goes === 1
        return { done: true }
      },
    },
  })
  const { journal } = recordingJournal()
  const definitions = [definition]
  const tasks = startTasks({
    world,
    log: silentLog,
    journal,
    db,
    app: {},
    definitions,
    owner: 'one',
    leaseMs,
  })
  onTestFinished(() => tasks.stop())
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }
  const id = await db.transaction((tx) =>
    tasks.start(tx, definition, { subject: 'server:1', frame: {}, trace }),
  )
  await world.advance(3000)
  expect(goes).toBe(1)
  isAway = false
  await world.advance(2000)
  expect(goes).toBe(2)
  expect(await taskTable.get(real, id)).toMatchObject({ status: 'done', leaseOwner: null })
})
