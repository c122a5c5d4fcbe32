// One task while its lease is held: runs its steps one after the other, or its undo steps in reverse, and saves after
// each. Whatever it writes is conditional on still holding the lease.
import type { Database } from '../db/database.ts'
import { CloudError, fullMessage } from '../errors/cloud-error.ts'
import type { Journal } from '../journal/journal.ts'
import type { Log } from '../log/log.ts'
import type { World } from '../world/world.ts'
import { LeaseLost, openHandle } from './handle.ts'
import { type TaskRecord, taskTable, turnBack, wait, wake } from './store.ts'
import type { Again, AnyDefinition, StepResult } from './task.ts'

export type Held = {
  readonly world: World
  readonly log: Log
  readonly journal: Journal
  readonly db: Database
  readonly app: unknown
  readonly definition: AnyDefinition
  /** Of the lease. */
  readonly owner: string
  readonly leaseMs: number
  readonly stopping: () => boolean
}

const defaultAttempts = 5
const firstPauseMs = 100
const longestPauseMs = 10_000
/** An undo step that fails this often wants a person's eye; it is tried on all the same. */
const alarmingAttempts = 5

const finalKinds = new Set([
  'badRequest',
  'forbidden',
  'notFound',
  'conflict',
  'unprocessable',
  'gone',
  'tooLarge',
])

/** Until it waits, pauses or ends, or the runner stops; the lease is free then. */
export async function runHeld(held: Held, row: TaskRecord): Promise<void> {
  try {
    let current: TaskRecord | undefined = row
    while (current)
      current = current.status === 'undoing' ? await undoOnce(held, current) : await goOnce(held, current)
  } catch (error) {
    if (!(error instanceof LeaseLost)) throw error
    held.log.warn(fields(row), 'a task has passed to another runner, which does the step again')
  }
}

async function goOnce(held: Held, row: TaskRecord): Promise<TaskRecord | undefined> {
  const { definition } = held
  const now = held.world.clock.now()
  if (row.deadlineAt <= now) {
    const what = row.waitFor ? `waiting for ${row.waitFor}` : `in step ${row.step}`
    const seconds = Math.round((row.deadlineAt - row.createdAt) / 1000)
    return save(held, row, () =>
      turnBack(row, `It was not done within ${seconds} seconds; it was ${what}.`, now),
    )
  }
  if (row.status === 'waiting') return save(held, row, (fresh) => wake(fresh, now))
  const step = definition.steps[row.step]
  if (!step) return save(held, row, () => turnBack(row, `This release has no step ${row.step}.`, now))
  const open = openHandle(held, row)
  let result: StepResult<string>
  try {
    result = await open.run(row.step, step)
  } catch (error) {
    if (error instanceof LeaseLost) throw error
    return failed(held, row, error)
  }
  return save(held, row, (fresh, then) => ({
    state: open.state(),
    error: null,
    ...follow(fresh, result, then),
  }))
}

function follow(row: TaskRecord, result: StepResult<string>, now: number): Partial<TaskRecord> {
  if ('go' in result)
    return { step: result.go, attempts: 0, runAt: Math.min(now + (result.after ?? 0), row.deadlineAt) }
  if ('done' in result) return { status: 'done', result: result.result ?? null, undo: [], attempts: 0 }
  const until = result.timeoutMs === undefined ? row.deadlineAt : now + result.timeoutMs
  return wait(row, result.wait, result.then ?? row.step, Math.min(until, row.deadlineAt), now)
}

async function failed(held: Held, row: TaskRecord, error: unknown): Promise<TaskRecord | undefined> {
  const { definition, log } = held
  const attempts = row.attempts + 1
  const final = definition.isFinal
    ? definition.isFinal(error)
    : error instanceof CloudError && finalKinds.has(error.kind)
  const about = { ...fields(row), attempts, error: fullMessage(error) }
  if (final || attempts >= (definition.attempts ?? defaultAttempts)) {
    log.warn(about, 'a task failed and is being undone')
    return save(held, row, (_, now) => ({
      ...turnBack(row, publicMessage(row, error), now),
      error: about.error,
    }))
  }
  log.warn(about, 'a step of a task failed and will be tried again')
  return save(held, row, (_, now) => ({
    attempts,
    error: about.error,
    runAt: Math.min(now + pause(held.world, attempts), row.deadlineAt),
  }))
}

/** What is no CloudError is a bug of ours: its words are for the log. */
function publicMessage(row: TaskRecord, error: unknown): string {
  return error instanceof CloudError ? error.message : `An unexpected error occurred in step ${row.step}.`
}

async function undoOnce(held: Held, row: TaskRecord): Promise<TaskRecord | undefined> {
  const { definition, log } = held
  const [name, ...rest] = row.undo
  const open = openHandle(held, row)
  const why = { step: row.failedStep ?? row.step, message: row.failure ?? '' }
  let unfinished: Again | undefined
  try {
    if (name === undefined) {
      const { failed: last } = definition
      if (last) await open.run('failed', (task) => last(task, why))
      return await save(held, row, () => ({ status: 'failed', state: open.state(), attempts: 0 }))
    }
    const undo = definition.undo?.[name]
    if (!undo) throw new Error(`This release has no undo step ${name}`)
    unfinished = (await open.run(`undo.${name}`, async (task) => undo(task))) as Again | undefined
  } catch (error) {
    if (error instanceof LeaseLost) throw error
    const attempts = row.attempts + 1
    const about = { ...fields(row), undo: name, attempts, error: fullMessage(error) }
    const words = 'undoing a task failed and will be tried again'
    if (attempts < alarmingAttempts) log.warn(about, words)
    else log.error(about, words)
    return save(held, row, (_, now) => ({
      attempts,
      error: about.error,
      runAt: now + pause(held.world, attempts),
    }))
  }
  if (!unfinished) return save(held, row, () => ({ undo: rest, state: open.state(), attempts: 0 }))
  const { again } = unfinished
  return save(held, row, (fresh, now) => ({
    state: open.state(),
    attempts: 0,
    error: null,
    // What it looks out for may have come while it ran.
    runAt: JSON.stringify(fresh.signals) === JSON.stringify(row.signals) ? now + again : now,
  }))
}

/** Doubles with each attempt, up to a limit; half of it is chance, so that many that failed together part. */
function pause(world: World, attempts: number): number {
  const most = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(attempts - 1, 20))
  return world.random.int(most / 2, most + 1)
}

/**
 * Writes the change, and keeps the lease where there is more to do at once: then the row as it is now comes back. A
 * task cancelled during the step keeps what the step set, and turns back.
 */
async function save(
  held: Held,
  row: TaskRecord,
  change: (fresh: TaskRecord, now: number) => Partial<TaskRecord>,
): Promise<TaskRecord | undefined> {
  return held.db.transaction(async (tx) => {
    const now = held.world.clock.now()
    const fresh = await taskTable.get(tx, row.id)
    if (!fresh || fresh.leaseOwner !== held.owner) throw new LeaseLost()
    const wanted = change(fresh, now)
    const cancelled = fresh.status === 'undoing' && row.status !== 'undoing'
    const changed = cancelled ? { state: wanted.state ?? fresh.state, attempts: 0, runAt: now } : wanted
    const next = { ...fresh, ...changed, updatedAt: now }
    const goesOn =
      (next.status === 'ready' || next.status === 'undoing') && next.runAt <= now && !held.stopping()
    const lease = goesOn
      ? { leaseOwner: held.owner, leaseUntil: now + held.leaseMs }
      : { leaseOwner: null, leaseUntil: 0 }
    await taskTable.update(tx, { id: row.id }, { ...changed, ...lease, updatedAt: now })
    return goesOn ? { ...next, ...lease } : undefined
  })
}

function fields(row: TaskRecord) {
  return { taskId: row.id, kind: row.kind, subject: row.subject, step: row.step }
}
