// The databases on a machine's disk, and the door to them for each of its processes. A connection of a killed process is
// closed, which rolls back what it had open.
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { threadId } from 'node:worker_threads'
import type { Random, Sqlite } from '../world.ts'
import { StoredDatabase, type Written } from './database.ts'
import type { Owner } from './queue.ts'
import type { FileNode, FileTree } from './tree.ts'

export type Databases = {
  /** The committed rows, whether its process lives or not. Kind: node:sqlite's error 'database is locked' within a transaction. */
  query(path: string, sql: string, values?: readonly (string | number | null)[]): Record<string, unknown>[]
  /** Those that were opened, by path. */
  readonly paths: readonly string[]
  /** Until the result is called, whoever begins to write hears that another has the lock. */
  lock(path: string): () => void
  /** The n-th statement from now on, on any database of this disk, fails; 1 is the next one. */
  failStatement(nth: number, trouble?: SqliteTrouble): void
}

export type SqliteTrouble = keyof typeof troubles
/** https://www.sqlite.org/rescode.html */
const troubles = {
  busy: { errcode: 5, errstr: 'database is locked' },
  io: { errcode: 10, errstr: 'disk I/O error' },
  full: { errcode: 13, errstr: 'database or disk is full' },
} as const

export type OpenDatabases = Databases & {
  of(owner: Owner): Sqlite
  drop(owner: Owner): void
  losePower(now: number, random: Random): void
  close(): void
}

let opened = 0

export function openDatabases(
  machine: string,
  tree: FileTree,
  { now, losesPower }: { now: () => number; losesPower: boolean },
): OpenDatabases {
  const stores = new Map<FileNode, { path: string; store: StoredDatabase }>()
  const held = new Map<Owner, Set<DatabaseSync>>()
  // SQLite knows databases in memory by name in all of the process, and universes of other threads are none of ours.
  const nextName = () => `${threadId}-${machine}-${opened++}`
  let planned: { left: number; trouble: SqliteTrouble }[] = []

  const storeAt = (path: string): StoredDatabase => {
    const file = tree.file(path, 'open')
    const found = stores.get(file)
    if (found) return found.store
    const store = new StoredDatabase(nextName)
    stores.set(file, { path, store })
    return store
  }
  const checkFaults = (store: StoredDatabase, database: DatabaseSync, writes: boolean) => {
    for (const fault of planned) {
      if (--fault.left > 0) continue
      planned = planned.filter((each) => each !== fault)
      // SQLite may have given up the whole transaction, or the statement alone: its users have to bear both.
      if (fault.trouble !== 'busy' && database.isTransaction && fault.trouble === 'io')
        database.exec('rollback')
      throw sqliteError(fault.trouble)
    }
    if (!writes) return
    if (store.locked > 0 && !database.isTransaction) throw sqliteError('busy')
    if (tree.full) throw sqliteError('full')
  }

  return {
    of: (owner) => ({
      open(path, options = {}) {
        const store = path === ':memory:' ? new StoredDatabase(nextName) : storeAt(path)
        const database = store.connect(options.foreignKeys ?? true)
        // SQLite syncs the folder when it makes its journal there.
        if (path !== ':memory:') tree.syncName(path)
        held.set(owner, (held.get(owner) ?? new Set()).add(database))
        const connection = watched(database, {
          before: (writes) => checkFaults(store, database, writes),
          committed: (flushed, written) => {
            if (losesPower && path !== ':memory:') store.committed(now(), flushed, written)
          },
          around: (work) => trapped(owner, work),
        })
        return Object.assign(connection, {
          async flush() {
            if (owner.alive) store.flush()
          },
        })
      },
    }),
    drop(owner) {
      for (const database of held.get(owner) ?? []) if (database.isOpen) database.close()
      held.delete(owner)
    },
    query: (path, sql, values = []) => storeAt(path).query(sql, values),
    get paths() {
      return [...stores.values()].map(({ path }) => path).sort()
    },
    lock(path) {
      const store = storeAt(path)
      store.locked++
      let over = false
      return () => {
        if (!over) store.locked--
        over = true
      }
    },
    failStatement: (nth, trouble = 'io') => void planned.push({ left: nth, trouble }),
    losePower(at, random) {
      for (const { store } of stores.values()) store.losePower(at, random)
    },
    close() {
      for (const owner of [...held.keys()]) this.drop(owner)
      for (const { store } of stores.values()) store.close()
      stores.clear()
    },
  }
}

function sqliteError(trouble: SqliteTrouble): Error {
  const { errcode, errstr } = troubles[trouble]
  return Object.assign(new Error(errstr), { code: 'ERR_SQLITE_ERROR', errcode, errstr })
}

/** The owner may end before the statement, which then fails, or after it, of which it never hears. */
function trapped(owner: Owner, work: () => void): void {
  const trap = owner.trap?.('statement')
  if (trap?.before) trap.fire()
  if (!owner.alive) throw new Error(`${owner.name} is dead`)
  work()
  if (trap && !trap.before) trap.fire()
}

type Watch = {
  before(writes: boolean): void
  committed(flushed: boolean, written: readonly Written[]): void
  /** Runs the statement, and may end the process before or after it. */
  around(work: () => void): void
}

const reading = /^\s*(select|pragma|explain|values)\b[^;]*;?\s*$/i
const bounding = /^\s*(begin|commit|end|rollback)\b/i

/** What a text does, read once for all of its runs. */
type Kind = { writes: boolean; bounds: boolean; undoes: boolean; synchronous: string | undefined }

function kindOf(sql: string): Kind {
  return {
    writes: !reading.test(sql),
    bounds: bounding.test(sql),
    undoes: /^\s*rollback\b/i.test(sql),
    synchronous: /pragma\s+synchronous\s*=\s*(\w+)/i.exec(sql)?.[1]?.toUpperCase(),
  }
}

/** The connection itself, with its statements counted, made to fail, and remembered until they are committed. */
function watched(database: DatabaseSync, watch: Watch): DatabaseSync {
  let flushed = true
  let written: Written[] = []
  const run = <T>(sql: string, kind: Kind, values: readonly unknown[], work: () => T): T => {
    const { writes, bounds, undoes, synchronous } = kind
    let result: T | undefined
    watch.around(() => {
      const before = database.isTransaction
      try {
        watch.before(writes)
        result = work()
      } catch (error) {
        if (before && !database.isTransaction) written = []
        throw error
      }
      if (synchronous) flushed = synchronous === 'FULL'
      if (!writes) return
      if (!bounds) written.push({ sql, values: values as Written['values'] })
      if (database.isTransaction) return
      const undone = before && undoes
      if (!undone && written.length > 0) watch.committed(flushed, written)
      written = []
    })
    return result as T
  }
  const exec = database.exec.bind(database)
  const prepare = database.prepare.bind(database)
  const statementOf = (sql: string): StatementSync => {
    const statement = prepare(sql)
    const kind = kindOf(sql)
    const own = {
      run: statement.run.bind(statement),
      all: statement.all.bind(statement),
      get: statement.get.bind(statement),
    }
    return Object.assign(statement, {
      run: (...values: never[]) => run(sql, kind, values, () => own.run(...values)),
      all: (...values: never[]) => run(sql, kind, values, () => own.all(...values)),
      get: (...values: never[]) => run(sql, kind, values, () => own.get(...values)),
    })
  }
  return Object.assign(database, {
    exec: (sql: string) => run(sql, kindOf(sql), [], () => exec(sql)),
    prepare: statementOf,
  })
}
