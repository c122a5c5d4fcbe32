// What a step is given: its state, and the means to change it, to note an undo step and to read signals.
import type { Trace } from '../journal/journal.ts'
import type { Held } from './step.ts'
import { saveHeld, type TaskRecord } from './store.ts'
import type { TaskHandle } from './task.ts'

/** Thrown where the lease has passed to another runner: that one does the step again. */
export class LeaseLost extends Error {
  constructor() {
    super('The lease of this task has passed to another runner')
  }
}

type Frame = Record<string, unknown>

export type OpenHandle = {
  /** Runs the work in a span of the task's trace, which the journal keeps. */
  run<T>(name: string, work: (task: TaskHandle<unknown, Frame>) => Promise<T>): Promise<T>
  /** With what was set so far. */
  state(): Frame
}

export function openHandle(held: Held, row: TaskRecord): OpenHandle {
  const { definition, journal } = held
  let state: Frame = row.state
  let undo = row.undo

  const handle = (trace: Trace, name: string): TaskHandle<unknown, Frame> => ({
    app: held.app,
    id: row.id,
    subject: row.subject,
    trace,
    log: held.log.with({ taskId: row.id, kind: row.kind, subject: row.subject, step: name }),
    attempt: row.attempts,
    get state() {
      return state
    },
    failure: row.failure ?? undefined,
    set(change) {
      state = { ...state, ...change }
    },
    async undo(undoName) {
      if (row.status === 'undoing') throw new Error(`${name} is an undo step and can't have one of its own`)
      if (!definition.undo?.[undoName]) throw new Error(`${row.kind} has no undo step ${undoName}`)
      const list = undo.includes(undoName) ? undo : [undoName, ...undo]
      if (!(await saveHeld(held.db, row.id, held.owner, { undo: list, state }))) throw new LeaseLost()
      undo = list
    },
    signal: <T>(signalName: string) => row.signals[signalName]?.payload as T | undefined,
  })

  return {
    run: (name, work) =>
      journal.span(
        { traceId: row.traceId, spanId: row.spanId },
        {
          kind: 'task',
          name: `${row.kind}.${name}`,
          subject: row.subject,
          data: { taskId: row.id, attempt: row.attempts },
        },
        (child) => work(handle(child, name)),
      ),
    state: () => state,
  }
}
