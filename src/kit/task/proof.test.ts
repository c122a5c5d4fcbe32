import { describe, expect, it } from 'vitest'
import { migrate } from '../db/migrate.ts'
import { openDatabase } from '../db/open.ts'
import { c, table } from '../db/table.ts'
import { virtualWorld } from '../world/virtual.ts'
import { type Proof, proofCases, provesTask, type Stage } from './proof.ts'
import { taskMigration } from './store.ts'
import { type Tasks, task } from './task.ts'

const box = table('box', { id: c.id(), state: c.text(20), claim: c.nullable(c.text(20)) })
type App = { stage: Stage<App>; host: Map<string, string>; tasks?: Tasks }
type Frame = { boxId: string; claimId: string }

const boxCreate = task<App, Frame>()({
  name: 'box-create',
  start: 'claim',
  deadlineMs: 60_000,
  steps: {
    claim: async (t) => {
      await t.undo('release')
      t.app.host.set(t.state.claimId, 'claimed')
      await box.update(t.app.stage.db, { id: t.state.boxId }, { claim: t.state.claimId })
      return { go: 'build' }
    },
    build: async (t) => {
      await t.undo('destroy')
      const { tasks, host } = t.app
      host.set(t.state.boxId, 'built')
      // The agent's part: it answers while the step may not yet have ended.
      t.app.stage.world.timers.after(10, () => void t.app.tasks?.signal(t.subject, 'box-create', 'built'))
      expect(tasks).toBeDefined()
      return { wait: 'built', then: 'settle' }
    },
    settle: async (t) => {
      await box.update(t.app.stage.db, { id: t.state.boxId }, { state: 'active' })
      return { done: true }
    },
  },
  undo: {
    release: async (t) => {
      t.app.host.delete(t.state.claimId)
      await box.update(t.app.stage.db, { id: t.state.boxId }, { claim: null })
    },
    destroy: async (t) => void t.app.host.delete(t.state.boxId),
  },
  failed: async (t) => void (await box.update(t.app.stage.db, { id: t.state.boxId }, { state: 'error' })),
})

async function make(): Promise<Stage<App>> {
  const world = virtualWorld()
  const db = await openDatabase(world, 'sqlite::memory:', { tables: [box] })
  await migrate(world, db, [taskMigration])
  const app = { host: new Map() } as App
  const stage: Stage<App> = {
    world,
    db,
    app,
    start: (tasks) =>
      db.transaction(async (tx) => {
        await box.insert(tx, { id: 'b1', state: 'build' })
        const frame = { boxId: 'b1', claimId: 'c1' }
        await tasks.start(tx, boxCreate, { subject: 'box:b1', frame, trace: { traceId: 't', spanId: 's' } })
      }),
    attach: (tasks) => {
      app.tasks = tasks
    },
    settle: () => world.settle(),
    snapshot: async () => ({
      boxes: await box.find(db, (q) => q.where('state', '!=', 'error')),
      host: [...app.host],
    }),
    dispose: () => db.close(),
  }
  app.stage = stage
  return stage
}
const proof: Proof<App> = { make, definition: boxCreate }

describe('a task that keeps the rules', () => {
  provesTask(proof)
})

describe('a task that breaks a rule is found by the case', () => {
  type Steps = typeof boxCreate.steps
  const broken = (steps: Partial<Steps>, undo: NonNullable<typeof boxCreate.undo> = {}) =>
    proofCases({
      make,
      definition: {
        ...boxCreate,
        steps: { ...boxCreate.steps, ...steps },
        undo: { ...boxCreate.undo, ...undo },
      },
    })
  const failing = async (cases: ReturnType<typeof proofCases>) => {
    const found: string[] = []
    for (const { name, run } of cases) await run().catch(() => found.push(name))
    return found
  }

  it('of a step that can not run twice', async () => {
    const cases = broken({
      settle: async (t) => {
        const key = `made-${t.app.host.size}`
        t.app.host.set(key, 'made')
        return { done: true }
      },
    })
    expect(await failing(cases)).toEqual(expect.arrayContaining(['ends the same with settle run twice']))
  })

  it('of an effect without its undoing', async () => {
    const cases = broken({}, { destroy: async () => {} })
    const found = await failing(cases)
    expect(found).toContain('is undone when build fails at its end')
    expect(found).toContain('is undone when settle fails at once')
    expect(found).not.toContain('is undone when build fails at once')
  })

  it('of an undo step that can not run twice', async () => {
    const cases = broken(
      {},
      {
        destroy: async (t) => {
          if (!t.app.host.delete(t.state.boxId)) t.app.host.set('ghost', 'gone twice')
        },
      },
    )
    expect(await failing(cases)).toContain('is undone when build fails and each undo step runs twice')
  })

  it('of a step that is never reached', async () => {
    const cases = broken({ build: async () => ({ done: true }) })
    expect(await failing(cases)).toContain('comes to its end by each step')
  })
})
