// One database of one service: SQLite by default, PostgreSQL or MariaDB by URL. Differences are data (dialects.ts).
import type { Kysely } from 'kysely'

// Every store names its own tables; the handle itself knows none.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Query = Kysely<any>

/** What store functions take: the database itself or a transaction of it. */
export type Db = { readonly sql: Query; readonly dialect: DialectName }
export type DialectName = 'sqlite' | 'postgres' | 'mysql'

/** Awaits nothing but its database: a transaction never waits for HTTP, the bus or a driver. */
export type Transaction = Db & { readonly inTransaction: true; /** Runs after the commit, not after a rollback. */ afterCommit(action: () => void): void }

export type Database = Db & {
  readonly url: string
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  close(): Promise<void>
}
