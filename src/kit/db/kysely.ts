// Kysely over our own connections: it builds SQL text, and we run it. Transactions are ours (open.ts), not Kysely's.
import {
  type CompiledQuery,
  type DatabaseIntrospector,
  type DialectAdapter,
  Kysely,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { checkValues } from './connection.ts'
import type { DialectName, Execute, Query } from './database.ts'

type Parts = {
  compiler(): QueryCompiler
  adapter(): DialectAdapter
  introspector(db: Query): DatabaseIntrospector
}

const parts: Record<DialectName, Parts> = {
  sqlite: {
    compiler: () => new SqliteQueryCompiler(),
    adapter: () => new SqliteAdapter(),
    introspector: (db) => new SqliteIntrospector(db),
  },
  postgres: {
    compiler: () => new PostgresQueryCompiler(),
    adapter: () => new PostgresAdapter(),
    introspector: (db) => new PostgresIntrospector(db),
  },
  mysql: {
    compiler: () => new MysqlQueryCompiler(),
    adapter: () => new MysqlAdapter(),
    introspector: (db) => new MysqlIntrospector(db),
  },
}

export function kyselyOver(dialect: DialectName, execute: Execute): Query {
  const connection = {
    async executeQuery<R>(query: CompiledQuery) {
      const { rows, changes, insertId } = await execute(query.sql, checkValues(query.parameters))
      return {
        rows: rows as R[],
        numAffectedRows: BigInt(changes),
        insertId: insertId === undefined ? undefined : BigInt(insertId),
      }
    },
    // biome-ignore lint/correctness/useYield: there is nothing to yield
    async *streamQuery(): AsyncIterableIterator<never> {
      throw new Error('Streaming is not offered: read in pages')
    },
  }
  const refuse = async () => {
    throw new Error('Use transaction() of the Database, not of Kysely')
  }
  const driver = {
    init: async () => {},
    acquireConnection: async () => connection,
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    releaseConnection: async () => {},
    destroy: async () => {},
  }
  return new Kysely({
    dialect: {
      createDriver: () => driver,
      createQueryCompiler: parts[dialect].compiler,
      createAdapter: parts[dialect].adapter,
      createIntrospector: parts[dialect].introspector,
    },
  })
}
