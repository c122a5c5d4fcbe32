// SQLite through the World: one connection, handed out first come first served, so that a transaction has it alone
// from its first statement to its last. Statements outside wait their turn.
import { dirname } from 'node:path'
import type { StatementSync } from 'node:sqlite'
import type { World } from '../world/world.ts'
import { type Connection, isTrouble, type Pool, translate } from './connection.ts'
import type { Outcome, SqlValue } from './database.ts'

type Prepared = { statement: StatementSync; reads: boolean }

const keptStatements = 400
/** Another process may hold the file's lock: we block for a moment only, then wait off the event loop. */
const blockMs = 20
const busyPauseMs = 10
const busyTries = 500

/** `path` is a file, or `:memory:`. Synchronous FULL: what was committed survives a power cut (WAL, one fsync each). */
export async function openSqlite(
  world: World,
  path: string,
  options: { synchronous: 'FULL' | 'NORMAL' | 'OFF' },
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
  database.exec(`pragma synchronous = ${options.synchronous}; pragma temp_store = MEMORY`)
  // LIKE tells 'a' from 'A', as on the other dialects.
  database.exec('pragma case_sensitive_like = on')
  const statements = { objects: new Map<string, Prepared>(), arrays: new Map<string, Prepared>() }

  const prepare = (sql: string, rows: 'objects' | 'arrays'): Prepared => {
    const kept = statements[rows]
    const found = kept.get(sql)
    if (found) return found
    const statement = database.prepare(sql)
    if (rows === 'arrays') statement.setReturnArrays(true)
    const prepared = { statement, reads: statement.columns().length > 0 }
    if (/^\s*(create|alter|drop|pragma)/i.test(sql)) return prepared
    if (kept.size >= keptStatements) kept.delete(kept.keys().next().value!)
    kept.set(sql, prepared)
    return prepared
  }
  const runNow = (sql: string, values: readonly SqlValue[], rows: 'objects' | 'arrays'): Outcome => {
    try {
      const { statement, reads } = prepare(sql, rows)
      // SQLite has no booleans; everything else binds as it is.
      const bound = values.map((value) => (typeof value === 'boolean' ? Number(value) : value))
      if (reads) return { rows: statement.all(...bound), changes: 0, insertId: undefined }
      const { changes, lastInsertRowid } = statement.run(...bound)
      return { rows: [], changes: Number(changes), insertId: Number(lastInsertRowid) }
    } catch (error) {
      throw translate('sqlite', error)
    }
  }
  const runPatiently = (sql: string, values: readonly SqlValue[], rows: 'objects' | 'arrays') =>
    patiently(world, () => runNow(sql, values, rows))

  const queue = turns()
  const connection: Connection = {
    execute: async (sql, values, rows = 'objects') => runNow(sql, values, rows),
    // The write lock at once: a transaction that upgraded from reading later could only fail.
    begin: async () => void (await runPatiently('begin immediate', [], 'objects')),
    commit: async () => void (await runPatiently('commit', [], 'objects')),
    rollback: async () => void runNow('rollback', [], 'objects'),
  }
  return {
    async execute(sql, values, rows = 'objects') {
      if (!queue.take()) await queue.wait()
      try {
        return await runPatiently(sql, values, rows)
      } finally {
        queue.pass()
      }
    },
    async acquire() {
      if (!queue.take()) await queue.wait()
      return connection
    },
    release: () => queue.pass(),
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
