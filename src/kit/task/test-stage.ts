// The stage of the runner's tests: a runner on virtual time with a database of its own, and tasks that do as they are told.
import { onTestFinished } from 'vitest'
import type { Database } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { openDatabase } from '../db/open.ts'
import type { NewEvent, Trace } from '../journal/journal.ts'
import { silentLog } from '../log/log.ts'
import { type VirtualWorld, virtualWorld } from '../world/virtual.ts'
import { recordingJournal } from './recording-journal.ts'
import { startTasks } from './runner.ts'
import { taskMigration, taskTable } from './store.ts'
import { type AnyDefinition, type Tasks, task } from './task.ts'

export type App = { done: string[] }
export const trace: Trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }
export const subject = 'server:1'

export type Stage = { world: VirtualWorld; db: Database; app: App; events: NewEvent[]; tasks: Tasks }
type Wish = { owner?: string; on?: Stage; concurrency?: number; keepEndedMs?: number }

/** A runner of these definitions; `on` gives the world and database of another, as a second process has them. */
export async function stage(
  definitions: AnyDefinition[],
  { owner = 'one', on, ...more }: Wish = {},
): Promise<Stage> {
  const world = on?.world ?? virtualWorld()
  const db = on?.db ?? (await openDatabase(world, 'sqlite::memory:'))
  if (!on) await migrate(world, db, [taskMigration])
  const app = on?.app ?? { done: [] }
  const { journal, events } = recordingJournal()
  const tasks = startTasks({ world, log: silentLog, journal, db, app, definitions, owner, ...more })
  onTestFinished(() => tasks.stop())
  return { world, db, app, events, tasks }
}
export const begin = <F>({ db, tasks }: Stage, definition: { name: string } & AnyDefinition, frame: F) =>
  db.transaction((tx) => tasks.start(tx, definition, { subject, frame, trace }))
export const rowOf = async ({ db }: Stage, id: string) => (await taskTable.get(db, id))!

export const simple = task<App, { host?: string }>()({
  name: 'create',
  start: 'claim',
  deadlineMs: 600_000,
  steps: {
    claim: async (t) => {
      t.set({ host: 'h1' })
      await t.undo('release')
      t.app.done.push(`claim ${t.subject}`)
      return { go: 'build' }
    },
    build: async (t) => {
      t.app.done.push(`build on ${t.state.host}`)
      return { wait: 'built', then: 'settle' }
    },
    settle: async (t) => {
      t.app.done.push(`settle ${JSON.stringify(t.signal('built'))}`)
      return { done: true, result: { host: t.state.host } }
    },
  },
  undo: {
    release: async (t) => void t.app.done.push(`release ${t.state.host} for ${t.failure}`),
  },
  failed: async (t, why) => void t.app.done.push(`failed in ${why.step}: ${why.message}`),
})

/** One step that does as told, attempt by attempt. */
export const oneStep = (
  work: (app: App, attempt: number) => Promise<void>,
  more: Partial<AnyDefinition> = {},
) =>
  task<App, object>()({
    name: 'one',
    start: 'only',
    deadlineMs: 600_000,
    steps: {
      only: async (t) => {
        await work(t.app, t.attempt)
        return { done: true }
      },
    },
    failed: async (t, why) => void t.app.done.push(`failed: ${why.message}`),
    ...more,
  })
