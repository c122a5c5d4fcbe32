// Multi-step work that survives a restart: declared here, stored as rows by store.ts, run by runner.ts.
// Every step may run twice: ids are made before the step that uses them. See ARCHITECTURE.md, decision 4.
import type { Transaction } from '../db/database.ts'
import type { Trace } from '../journal/journal.ts'
import type { Log } from '../log/log.ts'

export type StepResult<Step extends string> =
  | { go: Step; after?: number } // `after`: milliseconds until it runs
  /**
   * Until the signal arrives or `timeoutMs` is over; then the step `then` (or the same step again) runs, and sees by
   * `signal()` which it was. Without `timeoutMs` it waits until the task's deadline. A signal that came before the wait
   * ends it at once; each arrival ends one wait.
   */
  | { wait: string; then?: Step; timeoutMs?: number }
  | { done: true; result?: unknown }

/**
 * An undo step that has begun something and isn't done yet: it runs again after so many milliseconds, or as soon as a signal
 * comes. What it has set is kept.
 */
export type Again = { again: number }

export type TaskHandle<App, Frame> = {
  readonly app: App
  readonly id: string
  readonly subject: string
  readonly trace: Trace
  readonly log: Log
  /** How often this step was tried before. */
  readonly attempt: number
  readonly state: Readonly<Frame>
  /** Why it is being undone; undefined while it goes forward. */
  readonly failure: string | undefined
  /** Seen in `state` at once; saved with the end of the step, or by the next `undo`. Lost when the step throws. */
  set(change: Partial<Frame>): void
  /**
   * Puts an undo step at the front of the undo list, unless it is on it, saved at once with what was `set` so far: call
   * it before the effect, so that an effect is never without its undoing.
   */
  undo(name: string): Promise<void>
  /** The payload of a signal that has arrived, null where it came without one, and undefined when it has not come. */
  signal<T = unknown>(name: string): T | undefined
}

export type TaskDefinition<App, Frame, Step extends string = string> = {
  name: string
  start: Step
  /** Milliseconds from its creation until it is undone. */
  deadlineMs: number
  /** How often a step is tried before it counts as failed; the default is 5. */
  attempts?: number
  /**
   * Whether trying again is pointless. By default what the caller asked for is wrong, for as long as it's asked: a
   * CloudError of kind badRequest, forbidden, notFound, conflict, unprocessable, gone or tooLarge.
   */
  isFinal?: (error: unknown) => boolean
  steps: Record<Step, (task: TaskHandle<App, Frame>) => Promise<StepResult<Step>>>
  /** Each is run until it neither throws nor asks to be run again. */
  undo?: Record<string, (task: TaskHandle<App, Frame>) => Promise<Again | undefined> | Promise<void>>
  /** Last, after all undo steps: leaves the resource in ERROR with a fault that a person can read. */
  failed?: (task: TaskHandle<App, Frame>, failure: { step: string; message: string }) => Promise<void>
}

// biome-ignore lint/suspicious/noExplicitAny: a runner holds definitions of every frame and app
export type AnyDefinition = TaskDefinition<any, any, any>

/** Types a definition: `task<ComputeApp, Frame>()({ ... })`. */
export function task<App, Frame>() {
  return <const Step extends string>(
    definition: TaskDefinition<App, Frame, Step>,
  ): TaskDefinition<App, Frame, Step> => definition
}

export type TaskRow = {
  id: string
  kind: string
  subject: string
  step: string
  state: unknown
  undo: string[]
  status: 'ready' | 'waiting' | 'undoing' | 'done' | 'failed'
}

export type Tasks = {
  /** In the same transaction as the rows it concerns; it runs as soon as that has committed. Returns the task's id. */
  start<Frame>(
    tx: Transaction,
    // biome-ignore lint/suspicious/noExplicitAny: the frame alone must fit
    definition: TaskDefinition<any, Frame, any>,
    given: { subject: string; frame: Frame; trace: Trace },
  ): Promise<string>
  /** Wakes what waits for it; kept when the task gets there later. False where no such task runs. */
  signal(subject: string, kind: string, name: string, payload?: unknown): Promise<boolean>
  /**
   * Throws it into undoing: the user deleted the thing meanwhile. A step that is running ends first. False where no
   * such task runs.
   */
  cancel(subject: string, kind: string, reason: string): Promise<boolean>
  /** Tasks of a subject that have not ended. */
  running(subject: string): Promise<TaskRow[]>
  /** Looks for due work now. `start`, `signal` and `cancel` do so by themselves. */
  nudge(): void
  /** Running steps end, and no other begins. */
  stop(): Promise<void>
}
