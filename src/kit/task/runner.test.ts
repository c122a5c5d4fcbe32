// Tasks from their start to their end, by one runner and by several.
import { describe, expect, it } from 'vitest'
import { migrate } from '../db/migrate.ts'
import { openDatabase } from '../db/open.ts'
import { schemaDifferences } from '../db/schema.ts'
import { CloudError } from '../errors/cloud-error.ts'
import { virtualWorld } from '../world/virtual.ts'
import { taskMigration, taskTable } from './store.ts'
import { task } from './task.ts'
import { type App, begin, oneStep, rowOf, type Stage, simple, stage, subject, trace } from './test-stage.ts'

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
