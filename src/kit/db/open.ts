// Opens a database by URL, and runs transactions on it the same way for each dialect.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { World } from '../world/world.ts'
import { type Connection, isTrouble, type Pool } from './connection.ts'
import { createTable } from './create.ts'
import type { Database, DialectName, Execute, Query, Transaction } from './database.ts'
import { kyselyOver } from './kysely.ts'
import { repeatedly } from './repeat.ts'
import { openServer } from './server.ts'
import { isServerUrl } from './server-url.ts'
import { openSqlite } from './sqlite.ts'
import type { AnyTable } from './table.ts'

export type OpenOptions = {
  /** Created where absent, for a database that needs no history, as in a test. Others are migrated (migrate.ts). */
  tables?: readonly AnyTable[]
  /** None is made: throws `db.absent` where a server has none of this name. */
  existing?: boolean
}

/** So often a transaction is kept from ending by others before it goes without them. */
const soonAlone = 2

/**
 * `sqlite::memory:`, `sqlite:/path/file.db` (with `?synchronous=GROUP` where many commit at a time and wait for one flush
 * together, `NORMAL` where a power cut may cost the last second),
 * `postgres://user:password@host:port/name`, `mysql://…` for MariaDB and MySQL (server-url.ts). On a server the database
 * is made where it is absent and the account may.
 */
export async function openDatabase(world: World, url: string, options: OpenOptions = {}): Promise<Database> {
  const { dialect, pool } = await openPool(world, url, options.existing === true)
  const database = over(world, url, dialect, pool)
  for (const table of options.tables ?? []) await createTable(database, table)
  return database
}

async function openPool(
  world: World,
  url: string,
  existing: boolean,
): Promise<{ dialect: DialectName; pool: Pool }> {
  if (url.startsWith('sqlite:')) {
    const [path = '', query] = url.slice('sqlite:'.length).split('?')
    const wish = new URLSearchParams(query).get('synchronous')?.toUpperCase() ?? 'FULL'
    if (wish !== 'FULL' && wish !== 'GROUP' && wish !== 'NORMAL' && wish !== 'OFF')
      throw new Error(`${url}: synchronous is FULL, GROUP, NORMAL or OFF`)
    return {
      dialect: 'sqlite',
      pool: await openSqlite(world, path.replace(/^\/\/(?=\/)/, ''), { synchronous: wish }),
    }
  }
  if (isServerUrl(url)) return openServer(world, url, existing)
  throw new Error(`${url.split(':')[0]}: is no kind of database that is known; use sqlite, postgres or mysql`)
}

function over(world: World, url: string, dialect: DialectName, pool: Pool): Database {
  // A statement on the database from within its own transaction would wait for itself for ever on SQLite, and would
  // not see the transaction's rows on the others. Better a plain refusal.
  const current = new AsyncLocalStorage<{ open: boolean }>()
  const refuseInside = () => {
    if (current.getStore()?.open)
      throw new Error('Inside a transaction, use the transaction and not its database')
  }
  const execute: Execute = async (sql, values, rows) => {
    refuseInside()
    return pool.execute(sql, values, rows)
  }

  return {
    url,
    dialect,
    execute,
    sql: kyselyOver(dialect, execute),
    close: () => pool.close(),
    async session(work) {
      const connection = await pool.acquire({ patient: true })
      try {
        return await work({
          dialect,
          execute: connection.execute,
          sql: kyselyOver(dialect, connection.execute),
        })
      } finally {
        pool.release(connection)
      }
    },
    async transaction<T>(
      work: (tx: Transaction) => Promise<T>,
      options: { patient?: boolean } = {},
    ): Promise<T> {
      refuseInside()
      let attempt: Attempt | undefined
      const goOnce = async (busy: number) => {
        const mine = new Attempt(dialect)
        attempt = mine
        const leave = pool.turns && (await pool.turns.take(busy >= soonAlone))
        try {
          const result = await mine.run(pool, (tx) => current.run(mine, () => work(tx)), options)
          await mine.flushed?.()
          return result
        } finally {
          leave?.()
        }
      }
      // Lost while committing: it may have been committed, and must not be done twice.
      const result = await repeatedly(world, pool.pause, goOnce, () => !attempt!.committing)
      for (const action of attempt!.afterwards) action()
      return result
    },
  }
}

/** One go at a transaction: the handle that the work gets, and whether that may still be used. */
class Attempt {
  readonly afterwards: (() => void)[] = []
  open = true
  committing = false
  /** To be waited for when others have the connection. */
  flushed: Connection['flushed']
  private readonly dialect: DialectName
  private failure: { error: unknown } | undefined

  constructor(dialect: DialectName) {
    this.dialect = dialect
  }

  async run<T>(
    pool: Pool,
    work: (tx: Transaction) => Promise<T>,
    options: { patient?: boolean },
  ): Promise<T> {
    const connection = await pool.acquire(options)
    let broken = false
    try {
      await connection.begin()
      try {
        const result = await work(this.handle(connection))
        this.open = false
        if (this.failure) throw this.failure.error
        this.committing = true
        await connection.commit()
        this.flushed = connection.flushed
        return result
      } catch (error) {
        this.open = false
        await connection.rollback().catch(() => {
          // The connection is gone or in doubt: the database rolls back when it is dropped.
          broken = true
        })
        throw error
      }
    } catch (error) {
      if (isTrouble(error, 'lost')) broken = true
      throw error
    } finally {
      pool.release(connection, broken)
    }
  }

  private handle(connection: Connection): Transaction {
    const { dialect, afterwards } = this
    const execute: Execute = async (sql, values, rows) => {
      if (!this.open) throw new Error('This transaction has ended: a promise in it was not awaited')
      if (this.failure) throw this.failure.error
      try {
        return await connection.execute(sql, values, rows)
      } catch (error) {
        this.failure = { error }
        throw error
      }
    }
    let sql: Query | undefined
    return {
      inTransaction: true,
      dialect,
      execute,
      // Built only for those who ask: most transactions use nothing but table objects.
      get sql() {
        sql ??= kyselyOver(dialect, execute)
        return sql
      },
      afterCommit: (action) => void afterwards.push(action),
    }
  }
}
