// SQLite through the World: one connection, handed out first come first served, so that a transaction has it alone
// from its first statement to its last. Statements outside wait their turn.
import { dirname } from 'node:path'
import type { StatementSync } from 'node:sqlite'
import type { World } from '../world/world.ts'
import { type Connection, isTrouble, type Pool, translate } from './connection.ts'
import type { Outcome, SqlValue } from './database.ts'
import { groupFlush } from './flush.ts'

type Prepared = { statement: StatementSync; gives: boolean; writes: boolean }

const keptStatements = 400
/** Another process may hold the file's lock: we block for a moment only, then wait off the event loop. */
const blockMs = 20
const busyPauseMs = 10
const busyTries = 500
/** SQLITE_IOERR, https://www.sqlite.org/rescode.html */
const ioError = 10

/**
 * `path` is a file, or `:memory:`. FULL: what was committed survives a power cut, with one fsync for each commit, which
 * stops the event loop. GROUP: the same off the event loop and for all who wait at a time. NORMAL: a power cut may cost
 * the newest commits.
 */
export async function openSqlite(
  world: World,
  path: string,
  options: { synchronous: 'FULL' | 'GROUP' | 'NORMAL' | 'OFF' },
): Promise<Pool> {
  if (path !== ':memory:') {
    await world.files.makeFolder(dirname(path))
    // For the owner alone; SQLite gives its journals the mode of the file, but makes the file itself for all to read.
    const file = await world.files.open(path, 'a', 0o600)
    await file.close()
  }
  const database = world.sqlite.open(path, { timeoutMs: blockMs })
  // Turning to WAL needs the file alone for a moment, while others may be opening it too.
  await patiently(world, () => database.exec('pragma journal_mode = WAL'))
  const grouped = options.synchronous === 'GROUP'
  database.exec(
    `pragma synchronous = ${grouped ? 'NORMAL' : options.synchronous}; pragma temp_store = MEMORY`,
  )
  // LIKE tells 'a' from 'A', as on the other dialects.
  database.exec('pragma case_sensitive_like = on')
  const statements = { objects: new Map<string, Prepared>(), arrays: new Map<string, Prepared>() }

  const prepare = (sql: string, rows: 'objects' | 'arrays'): Prepared => {
    const kept = statements[rows]
    const found = kept.get(sql)
    if (found) return found
    const statement = database.prepare(sql)
    if (rows === 'arrays') statement.setReturnArrays(true)
    const prepared = {
      statement,
      gives: statement.columns().length > 0,
      writes: !/^\s*(select|pragma|explain|begin|commit|rollback)\b/i.test(sql),
    }
    if (/^\s*(create|alter|drop|pragma)/i.test(sql)) return prepared
    if (kept.size >= keptStatements) kept.delete(kept.keys().next().value!)
    kept.set(sql, prepared)
    return prepared
  }
  /** Since the last commit. */
  let wrote = false
  const runNow = (sql: string, values: readonly SqlValue[], rows: 'objects' | 'arrays'): Outcome => {
    try {
      const { statement, gives, writes } = prepare(sql, rows)
      if (writes) wrote = true
      // SQLite has no booleans; everything else binds as it is.
      const bound = values.map((value) => (typeof value === 'boolean' ? Number(value) : value))
      if (gives) return { rows: statement.all(...bound), changes: 0, insertId: undefined }
      const { changes, lastInsertRowid } = statement.run(...bound)
      return { rows: [], changes: Number(changes), insertId: Number(lastInsertRowid) }
    } catch (error) {
      throw translate('sqlite', error)
    }
  }
  const runPatiently = (sql: string, values: readonly SqlValue[], rows: 'objects' | 'arrays') =>
    patiently(world, () => runNow(sql, values, rows))

  const flush = groupFlush(() =>
    database.flush().catch((cause) => {
      throw translate('sqlite', Object.assign(new Error('the flush failed', { cause }), { errcode: ioError }))
    }),
  )
  /** Whom to wait for then, if for anybody. */
  const committed = () => {
    if (!wrote) return undefined
    wrote = false
    flush.committed()
    return grouped ? flush.flushed : undefined
  }

  /** What could not be rolled back would be in the way of all that come after it. */
  const abandon = () => {
    try {
      runNow('rollback', [], 'objects')
    } catch {
      // There is none any more: SQLite has ended it by itself.
    }
    wrote = false
  }

  const queue = turns()
  let flushed: Connection['flushed']
  const connection: Connection = {
    get flushed() {
      return flushed
    },
    execute: async (sql, values, rows = 'objects') => runNow(sql, values, rows),
    // The write lock at once: a transaction that upgraded from reading later could only fail.
    begin: async () => void (await runPatiently('begin immediate', [], 'objects')),
    async commit() {
      await runPatiently('commit', [], 'objects')
      flushed = committed()
    },
    async rollback() {
      runNow('rollback', [], 'objects')
      wrote = false
    },
  }
  return {
    async execute(sql, values, rows = 'objects') {
      if (!queue.take()) await queue.wait()
      let outcome: Outcome
      let own: Connection['flushed']
      try {
        outcome = await runPatiently(sql, values, rows)
        own = committed()
      } finally {
        queue.pass()
      }
      await own?.()
      return outcome
    },
    async acquire() {
      if (!queue.take()) await queue.wait()
      return connection
    },
    release(_connection, broken) {
      if (broken) abandon()
      queue.pass()
    },
    pause: (ms) => world.timers.sleep(ms),
    async close() {
      if (!queue.take()) await queue.wait()
      for (const kept of Object.values(statements)) kept.clear()
      database.close()
      queue.pass()
    },
  }
}

/** Tried again, off the event loop, while another process holds the file's lock. */
async function patiently<T>(world: World, work: () => T): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return work()
    } catch (thrown) {
      const error = translate('sqlite', thrown)
      if (!isTrouble(error, 'again') || tries === busyTries) throw error
      await world.timers.sleep(busyPauseMs)
    }
  }
}

function turns() {
  const waiting: (() => void)[] = []
  let taken = false
  return {
    /** True where it was free, and is now ours. */
    take(): boolean {
      if (taken) return false
      taken = true
      return true
    },
    wait: () => new Promise<void>((resolve) => waiting.push(resolve)),
    pass() {
      const next = waiting.shift()
      if (next) next()
      else taken = false
    },
  }
}
