// The rows of tasks, in the owning service's own database, and every statement on them.
import type { Db, DialectName, Transaction } from '../db/database.ts'
import { ddl } from '../db/ddl.ts'
import { dialects, quote } from '../db/dialects.ts'
import type { Migration } from '../db/migrate.ts'
import { c, type RowOf, table } from '../db/table.ts'

export type TaskStatus = 'ready' | 'waiting' | 'undoing' | 'done' | 'failed'
const openStatuses = ['ready', 'waiting', 'undoing'] as const

/** `fresh` until it has ended a wait. */
export type Signal = { readonly payload: unknown; readonly fresh: boolean }

export const taskTable = table(
  'task',
  {
    id: c.id(),
    kind: c.text(100),
    /** What it concerns: 'server:<uuid>'. */
    subject: c.text(255),
    step: c.text(100),
    state: c.json<Record<string, unknown>>(),
    /** Undo steps still to run, the latest first. */
    undo: c.json<string[]>(),
    signals: c.json<Record<string, Signal>>(),
    status: c.text<TaskStatus>(16),
    /** When it is to be looked at next; never after the deadline, unless it is being undone. */
    runAt: c.time(),
    waitFor: c.nullable(c.text(100)),
    thenStep: c.nullable(c.text(100)),
    /** 0 where nobody holds it. */
    leaseUntil: c.time(),
    /** One start of one runner: the owner's name, `#`, and random digits. */
    leaseOwner: c.nullable(c.text(255)),
    attempts: c.int(),
    deadlineAt: c.time(),
    /** Why it's undone, in words for the caller. */
    failure: c.nullable(c.text()),
    failedStep: c.nullable(c.text(100)),
    traceId: c.text(32),
    spanId: c.text(16),
    result: c.nullable(c.json<unknown>()),
    /** The last error in full, for the operator. */
    error: c.nullable(c.text()),
    createdAt: c.time(),
    updatedAt: c.time(),
    /** The program that started it. */
    release: c.text(64),
  },
  {
    index: [
      ['status', 'runAt'],
      ['subject', 'status'],
    ],
  },
)
export type TaskRecord = RowOf<typeof taskTable>

export const taskMigration: Migration = {
  id: '0000-task',
  up: (tx) =>
    ddl(tx).createTable(
      'task',
      {
        id: 'id',
        kind: 'text(100)',
        subject: 'text(255)',
        step: 'text(100)',
        state: 'json',
        undo: 'json',
        signals: 'json',
        status: 'text(16)',
        run_at: 'time',
        wait_for: 'text(100)?',
        then_step: 'text(100)?',
        lease_until: 'time',
        lease_owner: 'text(255)?',
        attempts: 'int',
        deadline_at: 'time',
        failure: 'text?',
        failed_step: 'text(100)?',
        trace_id: 'text(32)',
        span_id: 'text(16)',
        result: 'json?',
        error: 'text?',
        created_at: 'time',
        updated_at: 'time',
        release: 'text(64)',
      },
      {
        index: [
          ['status', 'run_at'],
          ['subject', 'status'],
        ],
      },
    ),
}

const anyDueText = Object.fromEntries(
  Object.entries(dialects).map(([name, { placeholder }]) => {
    const due = openStatuses.map(
      (status, index) =>
        `(${quote('status')} = '${status}' and ${quote('run_at')} <= ${placeholder(index + 1)})`,
    )
    return [name, `select 1 from ${quote('task')} where ${due.join(' or ')} limit 1`]
  }),
) as Record<DialectName, string>

/**
 * Rows whose time has come and that nobody holds, the longest due first. Asked each second for ever, and after each task:
 * mostly there is none, which a look at the index shows at a fiftieth of the cost of the whole condition.
 */
export async function findDue(
  db: Db,
  kinds: readonly string[],
  now: number,
  limit: number,
): Promise<TaskRecord[]> {
  const times = openStatuses.map(() => now)
  const { rows } = await db.execute(anyDueText[db.dialect], times, 'arrays')
  if (rows.length === 0) return []
  return taskTable.find(
    db,
    { status: openStatuses, runAt: { atMost: now }, leaseUntil: { atMost: now }, kind: kinds },
    {
      orderBy: [
        ['runAt', 'asc'],
        ['id', 'asc'],
      ],
      limit,
    },
  )
}

/** When the next retry or pause is over. Waits for a signal don't count: whoever gives it wakes the task. */
export async function findNextTime(
  db: Db,
  kinds: readonly string[],
  now: number,
): Promise<number | undefined> {
  const [next] = await taskTable.find(
    db,
    { status: ['ready', 'undoing'], runAt: { above: now }, kind: kinds },
    { orderBy: [['runAt', 'asc']], limit: 1 },
  )
  return next?.runAt
}

/** One conditional update, judged by its row count: of several that try, one gets it. The row is as it is once held. */
export async function takeLease(
  db: Db,
  seen: TaskRecord,
  owner: string,
  until: number,
): Promise<TaskRecord | undefined> {
  const { id, status, runAt, leaseUntil, leaseOwner } = seen
  const taken = await taskTable.update(
    db,
    { id, status, runAt, leaseUntil, leaseOwner },
    { leaseOwner: owner, leaseUntil: until },
  )
  return taken === 1 ? taskTable.get(db, id) : undefined
}

/** False where it has passed to another meanwhile. */
export async function saveHeld(
  db: Db,
  id: string,
  owner: string,
  change: Partial<TaskRecord>,
): Promise<boolean> {
  return (await taskTable.update(db, { id, leaseOwner: owner }, change)) === 1
}

/** Frees what an earlier start of the same runner held; it is gone, or fenced off by its random digits. */
export function freeLeases(db: Db, owner: string): Promise<number> {
  // All that begins with `owner#`: '$' follows '#' in ASCII, and text compares by code point on each database.
  return taskTable.update(
    db,
    (q) => q.where('leaseOwner', '>=', `${owner}#`).where('leaseOwner', '<', `${owner}$`),
    { leaseUntil: 0, leaseOwner: null },
  )
}

export function findOpen(db: Db, subject: string, kind?: string): Promise<TaskRecord[]> {
  const where = { subject, status: openStatuses }
  return taskTable.find(db, kind === undefined ? where : { ...where, kind }, {
    orderBy: [['createdAt', 'asc']],
  })
}

/** Keeps the payload with the task, and wakes it where it waits for that; what is being undone looks by itself. */
export async function keepSignal(
  tx: Transaction,
  row: TaskRecord,
  name: string,
  payload: unknown,
  now: number,
): Promise<void> {
  const waits = row.status === 'waiting' && row.waitFor === name
  const signals = { ...row.signals, [name]: { payload: payload ?? null, fresh: !waits } }
  const woken = waits ? wake(row, now) : row.status === 'undoing' ? { runAt: now } : {}
  await taskTable.update(tx, { id: row.id }, { updatedAt: now, ...woken, signals })
}

/** What changes when a step ends in a wait: where the signal came first, the wait is over at once. */
export function wait(
  row: TaskRecord,
  name: string,
  thenStep: string,
  until: number,
  now: number,
): Partial<TaskRecord> {
  const { [name]: arrived, ...others } = row.signals
  if (arrived?.fresh) {
    const signals = { ...others, [name]: { payload: arrived.payload, fresh: false } }
    return { ...wake({ ...row, thenStep }, now), signals }
  }
  return { status: 'waiting', waitFor: name, thenStep, attempts: 0, runAt: until, signals: others }
}

/** What changes when a wait is over, by its signal or its time. */
export function wake(row: TaskRecord, now: number): Partial<TaskRecord> {
  return {
    status: 'ready',
    step: row.thenStep ?? row.step,
    waitFor: null,
    thenStep: null,
    runAt: now,
    attempts: 0,
  }
}

/** What changes when it is to be undone. */
export function turnBack(row: TaskRecord, failure: string, now: number): Partial<TaskRecord> {
  return {
    status: 'undoing',
    failure,
    failedStep: row.step,
    waitFor: null,
    thenStep: null,
    runAt: now,
    attempts: 0,
  }
}

/** Tasks that have ended, before `time`. */
export function deleteEnded(db: Db, time: number): Promise<number> {
  return taskTable.delete(db, (q) =>
    q.where('status', 'in', ['done', 'failed']).where('updatedAt', '<', time),
  )
}

/** Kinds of open tasks that this program does not know. */
export async function unknownKinds(db: Db, known: readonly string[]): Promise<string[]> {
  const rows = await taskTable.find(db, (q) =>
    q.where('status', 'in', openStatuses).where('kind', 'not in', [...known, '']),
  )
  return [...new Set(rows.map((row) => row.kind))]
}
