import { describe, expect, it, onTestFinished } from 'vitest'
import type { Database } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { openDatabase } from '../db/open.ts'
import { schemaDifferences } from '../db/schema.ts'
import { CloudError } from '../errors/cloud-error.ts'
import type { NewEvent, Trace } from '../journal/journal.ts'
import { silentLog } from '../log/log.ts'
import { type VirtualWorld, virtualWorld } from '../world/virtual.ts'
import { recordingJournal } from './recording-journal.ts'
import { startTasks } from './runner.ts'
import { taskMigration, taskTable } from './store.ts'
import { type AnyDefinition, type Tasks, task } from './task.ts'

type App = { done: string[] }
const trace: Trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }
const subject = 'server:1'

type Stage = { world: VirtualWorld; db: Database; app: App; events: NewEvent[]; tasks: Tasks }
type Wish = { owner?: string; on?: Stage; concurrency?: number; keepEndedMs?: number }

/** A runner of these definitions; `on` gives the world and database of another, as a second process has them. */
async function stage(
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
const begin = <F>({ db, tasks }: Stage, definition: { name: string } & AnyDefinition, frame: F) =>
  db.transaction((tx) => tasks.start(tx, definition, { subject, frame, trace }))
const rowOf = async ({ db }: Stage, id: string) => (await taskTable.get(db, id))!

const simple = task<App, { host?: string }>()({
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
const oneStep = (work: (app: App, attempt: number) => Promise<void>, more: Partial<AnyDefinition> = {}) =>
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

it('has the table that its migration makes', async () => {
  const db = await openDatabase(virtualWorld(), 'sqlite::memory:')
  await migrate(virtualWorld(), db, [taskMigration])
  expect(await schemaDifferences(db, [taskTable])).toEqual([])
})

describe('a task going forward', () => {
  it('runs its steps, waits for its signal and ends with its result', async () => {
    const on = await stage([simple])
    const id = await begin(on, simple, {})
    await on.world.settle()
    expect(on.app.done).toEqual(['claim server:1', 'build on h1'])
    expect(await on.tasks.running(subject)).toMatchObject([
      { id, status: 'waiting', step: 'build', undo: ['release'] },
    ])
    expect(await on.tasks.signal(subject, 'create', 'other')).toBe(true)
    await on.world.settle()
    expect(on.app.done).toHaveLength(2)
    expect(await on.tasks.signal(subject, 'create', 'built', { pid: 7 })).toBe(true)
    await on.world.settle()
    expect(on.app.done.at(-1)).toBe('settle {"pid":7}')
    expect(await rowOf(on, id)).toMatchObject({
      status: 'done',
      result: { host: 'h1' },
      undo: [],
      leaseOwner: null,
    })
    expect(await on.tasks.running(subject)).toEqual([])
    expect(await on.tasks.signal(subject, 'create', 'built')).toBe(false)
    expect(on.events.map(({ name, outcome, subject: about }) => [name, outcome, about])).toEqual([
      ['create.claim', 'ok', subject],
      ['create.build', 'ok', subject],
      ['create.settle', 'ok', subject],
    ])
  })

  it('begins only with the commit', async () => {
    const on = await stage([simple])
    const refused = on.db.transaction(async (tx) => {
      await on.tasks.start(tx, simple, { subject, frame: {}, trace })
      throw new Error('no')
    })
    await expect(refused).rejects.toThrow('no')
    await on.world.settle()
    expect(on.app.done).toEqual([])
    expect(await on.tasks.running(subject)).toEqual([])
  })

  it('is not held up by a signal that came before the wait, nor by the same one twice', async () => {
    const twice = task<App, object>()({
      name: 'twice',
      start: 'tell',
      deadlineMs: 600_000,
      steps: {
        tell: async () => ({ wait: 'ping', then: 'again' }),
        again: async (t) => {
          t.app.done.push(`${t.signal('ping')}`)
          return { wait: 'ping', then: 'end', timeoutMs: 5000 }
        },
        end: async (t) => {
          t.app.done.push(`${t.signal('ping')}`)
          return { done: true }
        },
      },
    })
    const on = await stage([twice])
    await on.db.transaction(async (tx) => {
      await on.tasks.start(tx, twice, { subject, frame: {}, trace })
    })
    await on.tasks.signal(subject, 'twice', 'ping', 1)
    await on.world.settle()
    expect(on.app.done).toEqual(['1'])
    await on.world.advance(4900)
    expect(on.app.done).toEqual(['1'])
    await on.world.advance(2000)
    expect(on.app.done).toEqual(['1', 'undefined'])
  })

  it('pauses as long as a step says', async () => {
    const paused = task<App, object>()({
      name: 'paused',
      start: 'first',
      deadlineMs: 600_000,
      steps: { first: async () => ({ go: 'second', after: 3000 }), second: async () => ({ done: true }) },
    })
    const on = await stage([paused])
    const before = on.world.clock.now()
    const id = await begin(on, paused, {})
    await on.world.settle()
    expect((await rowOf(on, id)).updatedAt - before).toBe(3000)
    expect((await rowOf(on, id)).status).toBe('done')
  })

  it('runs as many at once as it may, and all in the end', async () => {
    let now = 0
    let most = 0
    const slow = oneStep(async () => {
      most = Math.max(most, ++now)
      await new Promise(setImmediate)
      now--
    })
    const on = await stage([slow], { concurrency: 3 })
    for (let i = 0; i < 10; i++) await begin(on, slow, {})
    await on.world.settle()
    expect(await taskTable.count(on.db, { status: 'done' })).toBe(10)
    expect(most).toBe(3)
  })
})

describe('a step that throws', () => {
  it('is tried again, later each time', async () => {
    const times: number[] = []
    const flaky = oneStep(async (app, attempt) => {
      times.push(on.world.clock.now())
      if (attempt < 3) throw new CloudError('unavailable', 'not yet')
      app.done.push('worked')
    })
    const on: Stage = await stage([flaky])
    const id = await begin(on, flaky, {})
    await on.world.settle()
    expect(on.app.done).toEqual(['worked'])
    const pauses = times.slice(1).map((time, i) => time - times[i]!)
    for (const [i, least] of [50, 100, 200].entries()) {
      expect(pauses[i]).toBeGreaterThanOrEqual(least)
      expect(pauses[i]).toBeLessThanOrEqual(2 * least)
    }
    expect(await rowOf(on, id)).toMatchObject({ status: 'done', attempts: 0, error: null })
    expect(on.events.map((each) => each.outcome)).toEqual(['error', 'error', 'error', 'ok'])
  })

  it('fails after its attempts, with words that keep our bugs to ourselves', async () => {
    let tries = 0
    const broken = oneStep(
      async () => {
        tries++
        throw new TypeError('x is not a function')
      },
      { attempts: 3 },
    )
    const on = await stage([broken])
    const id = await begin(on, broken, {})
    await on.world.settle()
    expect(tries).toBe(3)
    expect(on.app.done).toEqual(['failed: An unexpected error occurred in step only.'])
    expect(await rowOf(on, id)).toMatchObject({
      status: 'failed',
      failedStep: 'only',
      error: 'x is not a function',
    })
  })

  it('fails at once where trying again is pointless, unless the definition knows better', async () => {
    let tries = 0
    const wrong = oneStep(async () => {
      tries++
      throw new CloudError('badRequest', 'No such flavor.', { detail: 'secret' })
    })
    const on = await stage([wrong])
    await begin(on, wrong, {})
    await on.world.settle()
    expect(tries).toBe(1)
    expect(on.app.done).toEqual(['failed: No such flavor.'])
    const stubborn = { ...wrong, isFinal: () => false }
    const other = await stage([stubborn])
    await begin(other, stubborn, {})
    await other.world.settle()
    expect(tries).toBe(1 + 5)
  })
})

describe('a task being undone', () => {
  it('undoes in reverse what was begun, then says that it failed', async () => {
    const builder = task<App, { made: string[] }>()({
      name: 'builder',
      start: 'a',
      deadlineMs: 600_000,
      attempts: 1,
      steps: {
        a: async (t) => {
          t.set({ made: ['a'] })
          await t.undo('a')
          return { go: 'b' }
        },
        b: async (t) => {
          t.set({ made: [...t.state.made, 'b'] })
          await t.undo('b')
          await t.undo('b')
          throw new CloudError('conflict', 'b is taken')
        },
      },
      undo: {
        a: async (t) => void t.app.done.push(`undo a of ${t.state.made}`),
        b: async (t) => {
          t.app.done.push(`undo b of ${t.state.made}, attempt ${t.attempt}`)
          if (t.attempt < 7) throw new CloudError('notFound', 'no host answers')
        },
      },
      failed: async (t, why) => void t.app.done.push(`${why.step}: ${why.message}`),
    })
    const on = await stage([builder])
    const id = await begin(on, builder, { made: [] })
    await on.world.settle()
    expect(on.app.done).toEqual([
      ...Array.from({ length: 8 }, (_, i) => `undo b of a,b, attempt ${i}`),
      'undo a of a,b',
      'b: b is taken',
    ])
    expect(await rowOf(on, id)).toMatchObject({ status: 'failed', undo: [], failure: 'b is taken' })
    expect(on.events.at(-1)?.name).toBe('builder.failed')
  })

  it('runs an undo step again when that asks for it, and at once when a signal comes', async () => {
    const asker = task<App, { asked?: number }>()({
      name: 'asker',
      start: 'begin',
      deadlineMs: 600_000,
      steps: {
        begin: async (t) => {
          await t.undo('ask')
          throw new CloudError('conflict', 'no')
        },
      },
      undo: {
        ask: async (t) => {
          if (t.signal('gone') !== undefined) return undefined
          const asked = (t.state.asked ?? 0) + 1
          t.set({ asked })
          t.app.done.push(`asked ${asked} times at ${on.world.clock.now() - start} ms`)
          return { again: 30_000 }
        },
      },
      failed: async (t) => void t.app.done.push(`failed at ${on.world.clock.now() - start} ms`),
    })
    const on = await stage([asker])
    const start = on.world.clock.now()
    await begin(on, asker, {})
    await on.world.advance(35_000)
    expect(on.app.done).toEqual(['asked 1 times at 0 ms', 'asked 2 times at 30000 ms'])
    await on.tasks.signal(subject, 'asker', 'gone')
    await on.world.settle()
    expect(on.app.done.at(-1)).toBe('failed at 35000 ms')
  })

  it('does not miss a signal that comes while an undo step runs', async () => {
    const asker = task<App, object>()({
      name: 'asker',
      start: 'begin',
      deadlineMs: 600_000,
      steps: {
        begin: async (t) => {
          await t.undo('ask')
          throw new CloudError('conflict', 'no')
        },
      },
      undo: {
        ask: async (t) => {
          t.app.done.push(t.signal('gone') === undefined ? 'asked' : 'answered')
          if (t.signal('gone') !== undefined) return undefined
          await on.tasks.signal(subject, 'asker', 'gone')
          return { again: 30_000 }
        },
      },
    })
    const on = await stage([asker])
    await begin(on, asker, {})
    await on.world.advance(1)
    expect(on.app.done).toEqual(['asked', 'answered'])
  })

  it('gives up at its deadline, naming what it waited for', async () => {
    const on = await stage([simple])
    await begin(on, simple, {})
    await on.world.settle()
    await on.world.advance(599_000)
    expect(on.app.done).toHaveLength(2)
    await on.world.advance(3000)
    const why = 'It was not done within 600 seconds; it was waiting for built.'
    expect(on.app.done.slice(2)).toEqual([`release h1 for ${why}`, `failed in build: ${why}`])
  })

  it('turns back when it is cancelled while it waits', async () => {
    const on = await stage([simple])
    await begin(on, simple, {})
    await on.world.settle()
    expect(await on.tasks.cancel(subject, 'create', 'The server was deleted.')).toBe(true)
    await on.world.settle()
    expect(on.app.done.at(-2)).toBe('release h1 for The server was deleted.')
    expect(await on.tasks.running(subject)).toEqual([])
    expect(await on.tasks.cancel(subject, 'create', 'again')).toBe(false)
  })

  it('lets a running step end when it is cancelled, and undoes that too', async () => {
    const inStep = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const long = task<App, { made?: boolean }>()({
      name: 'long',
      start: 'make',
      deadlineMs: 600_000,
      steps: {
        make: async (t) => {
          await t.undo('unmake')
          inStep.resolve()
          await goOn.promise
          t.set({ made: true })
          return { done: true }
        },
      },
      undo: { unmake: async (t) => void t.app.done.push(`unmake ${t.state.made}`) },
    })
    const on = await stage([long])
    const id = await begin(on, long, {})
    await inStep.promise
    expect(await on.tasks.cancel(subject, 'long', 'enough')).toBe(true)
    goOn.resolve()
    await on.world.settle()
    expect(on.app.done).toEqual(['unmake true'])
    expect((await rowOf(on, id)).status).toBe('failed')
  })
})

describe('several runners', () => {
  it('leave a task to the one that holds it, as long as that lives', async () => {
    const long = oneStep(async (app) => {
      await one.world.timers.sleep(120_000)
      app.done.push('ran')
    })
    const one: Stage = await stage([long])
    const two = await stage([long], { owner: 'two', on: one })
    const id = await begin(one, long, {})
    await one.world.advance(119_000)
    expect(one.app.done).toEqual([])
    await one.world.advance(2000)
    expect(one.app.done).toEqual(['ran'])
    expect((await rowOf(one, id)).status).toBe('done')
    expect(two.events).toEqual([])
  })

  it('take up what a dead one held once its lease is over', async () => {
    const simplest = oneStep(async (app) => void app.done.push('taken up'))
    const one = await stage([simplest])
    await one.tasks.stop()
    const left = await begin(one, simplest, {})
    const dead = {
      leaseOwner: 'one#dead',
      leaseUntil: one.world.clock.now() + 30_000,
      status: 'ready' as const,
    }
    await taskTable.update(one.db, { id: left }, { ...dead, step: 'only', runAt: one.world.clock.now() })
    const two = await stage([simplest], { owner: 'two', on: one })
    await two.world.advance(29_000)
    expect(two.app.done).toEqual([])
    await two.world.advance(3000)
    expect(two.app.done).toEqual(['taken up'])
  })

  it('take up their own at once after a restart, and shut out what may be left of the first', async () => {
    const reached = Promise.withResolvers<void>()
    const hung = Promise.withResolvers<void>()
    let runs = 0
    const stuck = task<App, { by?: number }>()({
      name: 'stuck',
      start: 'only',
      deadlineMs: 600_000,
      steps: {
        only: async (t) => {
          const run = ++runs
          t.set({ by: run })
          if (run === 1) {
            reached.resolve()
            await hung.promise
          }
          t.app.done.push(`run ${run}`)
          if (run === 2) hung.resolve()
          return { done: true }
        },
      },
    })
    const first = await stage([stuck])
    const id = await begin(first, stuck, {})
    await reached.promise
    const second = await stage([stuck], { on: first })
    await second.world.settle()
    expect(first.app.done).toEqual(['run 2', 'run 1'])
    expect(await rowOf(second, id)).toMatchObject({ status: 'done', state: { by: 2 } })
  })

  it('stop between steps, and the next goes on from there', async () => {
    const on = await stage([simple])
    const id = await begin(on, simple, {})
    await on.tasks.stop()
    const row = await rowOf(on, id)
    expect(row).toMatchObject({ leaseOwner: null, leaseUntil: 0 })
    expect(row.status).not.toBe('done')
    const next = await stage([simple], { on })
    await next.world.settle()
    await next.tasks.signal(subject, 'create', 'built')
    await next.world.settle()
    expect((await rowOf(on, id)).status).toBe('done')
    expect(on.app.done.filter((each) => each.startsWith('claim'))).toHaveLength(1)
  })

  it('leave kinds alone that they do not know', async () => {
    const on = await stage([simple])
    await on.tasks.stop()
    const now = on.world.clock.now()
    await taskTable.insert(on.db, {
      id: 'x',
      kind: 'newer',
      subject,
      step: 's',
      state: {},
      undo: [],
      signals: {},
      status: 'ready',
      runAt: now,
      leaseUntil: 0,
      attempts: 0,
      deadlineAt: now,
      ...trace,
      createdAt: now,
      updatedAt: now,
      release: '9',
    })
    const next = await stage([simple], { on })
    await next.world.advance(5000)
    expect(await rowOf(next, 'x')).toMatchObject({ status: 'ready', attempts: 0 })
  })
})

it('forgets tasks a while after they ended', async () => {
  const quick = oneStep(async () => {})
  const on = await stage([quick], { keepEndedMs: 5_000_000 })
  await begin(on, quick, {})
  await on.world.settle()
  await on.world.advance(3_700_000)
  expect(await taskTable.count(on.db)).toBe(1)
  await on.world.advance(3_700_000)
  expect(await taskTable.count(on.db)).toBe(0)
})
