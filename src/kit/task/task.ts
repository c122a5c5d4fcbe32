// Multi-step work that survives a restart: declared here, stored as rows by store.ts, run by runner.ts.
// Every step may run twice: ids are made before the step that uses them. See ARCHITECTURE.md, decision 4.
import type { Log } from '../log/log.ts'
import type { Trace } from '../journal/journal.ts'
import type { Transaction } from '../db/database.ts'

export type StepResult<Step extends string> =
  | { go: Step; after?: number } // `after`: milliseconds until it runs
  /** Until `signal` arrives or `timeoutMs` is over; then the step `then` (or the same step again) runs. */
  | { wait: string; then?: Step; timeoutMs?: number }
  | { done: true; result?: unknown }

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
  /** Saved with the end of the step. */
  set(change: Partial<Frame>): void
  /** Puts an undo step at the front of the undo list, saved at once, before the step's effect. */
  undo(name: string): Promise<void>
  /** The payload of a signal that has arrived, and undefined when it has not. */
  signal<T = unknown>(name: string): T | undefined
}

export type TaskDefinition<App, Frame, Step extends string = string> = {
  name: string
  start: Step
  /** Milliseconds from its creation until it is undone. */
  deadlineMs: number
  /** How often a step is tried before it counts as failed; the default is 5. */
  attempts?: number
  steps: Record<Step, (task: TaskHandle<App, Frame>) => Promise<StepResult<Step>>>
  undo?: Record<string, (task: TaskHandle<App, Frame>) => Promise<void>>
  /** Last, after all undo steps: leaves the resource in ERROR with a fault that a person can read. */
  failed?: (task: TaskHandle<App, Frame>, failure: { step: string; message: string }) => Promise<void>
}

/** Types a definition: `task<ComputeApp, Frame>()({ ... })`. */
export function task<App, Frame>() {
  return <const Step extends string>(definition: TaskDefinition<App, Frame, Step>): TaskDefinition<App, Frame, Step> => definition
}

export type TaskRow = {
  id: string; kind: string; subject: string; step: string; state: unknown; undo: string[]
  status: 'ready' | 'waiting' | 'undoing' | 'done' | 'failed'
}

export type Tasks = {
  /** In the same transaction as the rows it concerns. Returns the task's id. */
  start<Frame>(tx: Transaction, definition: TaskDefinition<any, Frame, any>, given: { subject: string; frame: Frame; trace: Trace }): Promise<string>
  /** Wakes what waits for it; kept when the task gets there later. False where no such task runs. */
  signal(subject: string, kind: string, name: string, payload?: unknown): Promise<boolean>
  /** Throws it into undoing: the user deleted the thing meanwhile. */
  cancel(subject: string, kind: string, reason: string): Promise<boolean>
  /** Tasks of a subject that have not ended. */
  running(subject: string): Promise<TaskRow[]>
  /** Looks for due work now; called after the transaction that started a task. */
  nudge(): void
  stop(): Promise<void>
}
