// The tests that every task gets for free: each step run twice, a failure at each step, the runner stopped after each
// step. A service says how to set the stage and what the world looks like; only tests import this.
import { expect, it } from 'vitest'
import type { Database } from '../db/database.ts'
import { CloudError } from '../errors/cloud-error.ts'
import type { Journal } from '../journal/journal.ts'
import { type Log, silentLog } from '../log/log.ts'
import type { VirtualWorld } from '../world/virtual.ts'
import { recordingJournal } from './recording-journal.ts'
import { startTasks } from './runner.ts'
import { taskTable } from './store.ts'
import type { Again, AnyDefinition, StepResult, TaskHandle, Tasks } from './task.ts'

export type Stage<App> = {
  world: VirtualWorld
  /** With the table of tasks. */
  db: Database
  app: App
  log?: Log
  journal?: Journal
  /** Begins the task as its op does: rows and `tasks.start` in one transaction. */
  start(tasks: Tasks): Promise<unknown>
  /** Told of each runner, the first and those after a stop: whoever plays the agent signals through it. */
  attach?(tasks: Tasks): void
  /** Until nothing more happens; `world.settle()` where that is enough. */
  settle(): Promise<void>
  /**
   * What is there, to be compared: rows, claims, what the host holds. Without what may differ between two good runs
   * (times, ids by chance, the table of tasks), and without the resource that a failure leaves in ERROR.
   */
  snapshot(): Promise<unknown>
  dispose(): Promise<void>
}

export type Proof<App> = {
  /** All new: nothing is shared between two calls. */
  make(): Promise<Stage<App>>
  definition: AnyDefinition
  /** Other definitions that it starts. */
  others?: readonly AnyDefinition[]
  /** Steps that this start does not come to. Each other step must be reached. */
  unreached?: readonly string[]
}

export type ProofCase = { name: string; run(): Promise<void> }

/** Registers the cases with vitest; call it within `describe`. */
export function provesTask<App>(proof: Proof<App>): void {
  for (const { name, run } of proofCases(proof)) it(name, run)
}

type Handle = TaskHandle<unknown, Record<string, unknown>>
type Step = (task: Handle) => Promise<StepResult<string>>
type Undo = (task: Handle) => Promise<Again | undefined>
type Run = { before: unknown; after: unknown; status: string; failure: string | null; reached: Set<string> }
type Twist = {
  step?(name: string, step: Step, task: Handle, stop: () => void): Promise<StepResult<string>>
  undo?(undo: Undo, task: Handle): Promise<Again | undefined>
}

export function proofCases<App>(proof: Proof<App>): ProofCase[] {
  const steps = Object.keys(proof.definition.steps).filter((name) => !proof.unreached?.includes(name))
  let reference: Promise<Run> | undefined
  const plain = () => {
    reference ??= perform(proof, {})
    return reference
  }
  return [
    {
      name: 'comes to its end by each step',
      async run() {
        const run = await plain()
        expect(run).toMatchObject({ status: 'done', failure: null })
        expect([...run.reached].sort()).toEqual([...steps].sort())
      },
    },
    ...steps.flatMap((step) => [
      {
        name: `ends the same with ${step} run twice`,
        run: async () => endsAs(await plain(), await perform(proof, twice(step))),
      },
      {
        name: `ends the same when stopped after ${step}`,
        run: async () => endsAs(await plain(), await perform(proof, stopped(step))),
      },
      {
        name: `is undone when ${step} fails at once`,
        run: async () => undone(step, await perform(proof, failing(step, false))),
      },
      {
        name: `is undone when ${step} fails at its end`,
        run: async () => undone(step, await perform(proof, failing(step, true))),
      },
      {
        name: `is undone when ${step} fails and each undo step runs twice`,
        run: async () => undone(step, await perform(proof, { ...failing(step, true), undo: undoTwice })),
      },
    ]),
  ]
}

function endsAs(reference: Run, run: Run): void {
  expect(run).toMatchObject({ status: 'done', failure: null })
  expect(run.after).toEqual(reference.after)
}

function undone(step: string, run: Run): void {
  expect(run).toMatchObject({ status: 'failed', failure: failureWords(step) })
  expect(run.after).toEqual(run.before)
}

/** One performance from a new stage to the end of the task, under a twist. */
async function perform<App>(proof: Proof<App>, twist: Twist): Promise<Run> {
  const { definition, others = [] } = proof
  const stage = await proof.make()
  const { world, db, app, log = silentLog, journal = recordingJournal().journal } = stage
  const reached = new Set<string>()
  let tasks: Tasks | undefined
  let stops: Promise<void> | undefined
  const stop = () => {
    stops = tasks?.stop()
  }
  const steps = Object.entries(definition.steps as Record<string, Step>).map(([name, step]) => [
    name,
    async (task: Handle) => {
      reached.add(name)
      return twist.step ? twist.step(name, step, task, stop) : step(task)
    },
  ])
  const undos = Object.entries((definition.undo ?? {}) as Record<string, Undo>).map(([name, undo]) => [
    name,
    (task: Handle) => (twist.undo ? twist.undo(undo, task) : undo(task)),
  ])
  const twisted = { ...definition, steps: Object.fromEntries(steps), undo: Object.fromEntries(undos) }
  const open = () => {
    stops = undefined
    tasks = startTasks({ world, log, journal, db, app, definitions: [twisted, ...others], owner: 'proof' })
    stage.attach?.(tasks)
    return tasks
  }
  try {
    const before = await stage.snapshot()
    await stage.start(open())
    await stage.settle()
    while (stops) {
      await stops
      open()
      await stage.settle()
    }
    await tasks?.stop()
    const after = await stage.snapshot()
    const row = await taskTable.first(db, { kind: definition.name }, { orderBy: [['createdAt', 'asc']] })
    if (!row) throw new Error(`No task ${definition.name} was started`)
    return { before, after, status: row.status, failure: row.failure, reached }
  } finally {
    await tasks?.stop()
    await stage.dispose()
  }
}

const failureWords = (step: string) => `The proof failed ${step}.`

function failing(wanted: string, afterEffect: boolean): Twist {
  return {
    async step(name, step, task) {
      if (name !== wanted) return step(task)
      if (afterEffect) await step(task)
      throw new CloudError('badRequest', failureWords(wanted))
    },
  }
}

/** As if the process had died between the step's effect and the saving of its end. */
function twice(wanted: string): Twist {
  return {
    async step(name, step, task) {
      if (name === wanted) await step(unsaved(task))
      return step(task)
    },
  }
}

const undoTwice: Twist['undo'] = async (undo, task) => {
  await undo(unsaved(task))
  return undo(task)
}

/** What is set through this is lost, but for what an undo step saved with it. */
function unsaved(task: Handle): Handle {
  let change: Record<string, unknown> = {}
  return {
    app: task.app,
    id: task.id,
    subject: task.subject,
    trace: task.trace,
    log: task.log,
    attempt: task.attempt,
    failure: task.failure,
    get state() {
      return { ...task.state, ...change }
    },
    set(more) {
      change = { ...change, ...more }
    },
    async undo(name) {
      task.set(change)
      await task.undo(name)
    },
    signal: (name) => task.signal(name),
  }
}

function stopped(wanted: string): Twist {
  let done = false
  return {
    async step(name, step, task, stop) {
      const result = await step(task)
      if (name === wanted && !done) {
        done = true
        // Nobody waits for it here: it ends only after this step has.
        stop()
      }
      return result
    },
  }
}
