// One database of one service: SQLite by default, PostgreSQL or MariaDB by URL. Differences are data (dialects.ts).
import type { Expression, ExpressionBuilder, Kysely, SqlBool } from 'kysely'

// Every store names its own tables; the handle itself knows none.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Query = Kysely<any>

/** What conditions of `db.sql` are made with, and what they are. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export type ConditionBuilder = ExpressionBuilder<any, any>
export type SqlCondition = Expression<SqlBool>

export type DialectName = 'sqlite' | 'postgres' | 'mysql'

/** What can be bound to a placeholder on every dialect. */
export type SqlValue = string | number | bigint | boolean | null | Uint8Array

export type Outcome = {
  /** Objects by database column name, or arrays in the order of the select list where arrays were asked for. */
  rows: unknown[]
  /** Rows inserted, matched by an update, or deleted. */
  changes: number
  /** The key that the database gave to the row just inserted, where the dialect tells it. */
  insertId: number | undefined
}

/** Runs finished SQL text in the dialect's own placeholders. `db.sql` is for everything that isn't hot. */
export type Execute = (
  sql: string,
  values: readonly SqlValue[],
  rows?: 'objects' | 'arrays',
) => Promise<Outcome>

/** What store functions take: the database itself or a transaction of it. */
export type Db = { readonly sql: Query; readonly dialect: DialectName; readonly execute: Execute }

/** Awaits nothing but its database: a transaction never waits for HTTP, the bus or a driver. */
export type Transaction = Db & {
  readonly inTransaction: true
  /** Runs after the commit, not after a rollback. */
  afterCommit(action: () => void): void
}

export type Database = Db & {
  readonly url: string
  /**
   * Commits when `work` resolves, rolls back when it throws. Serializable on every dialect; `work` runs again,
   * a few times, where the database asks for it, so it may have no effect but on its transaction. The first failed
   * statement dooms the transaction, as PostgreSQL has it. `patient`: a statement may take longer than a minute.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: { patient?: boolean }): Promise<T>
  /** One connection for as long as `work` runs, without a transaction: for locks that a session holds. */
  session<T>(work: (session: Db) => Promise<T>): Promise<T>
  close(): Promise<void>
}
