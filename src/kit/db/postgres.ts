// PostgreSQL through pg: a pool, numbers as numbers, SERIALIZABLE transactions.
import pg from 'pg'
import { type Connection, type Pool, translate } from './connection.ts'
import type { Outcome, SqlValue } from './database.ts'

const mostConnections = 10

/** Types whose text pg would leave alone: int8 (20) and numeric (1700, what sum() of int8 gives). */
const asNumber = new Set([20, 1700])

export function openPostgres(url: string): Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: mostConnections,
    connectionTimeoutMillis: 10_000,
    types: {
      getTypeParser: (type: number, format?: 'text' | 'binary') =>
        asNumber.has(type) ? Number : pg.types.getTypeParser(type, format as 'text'),
    } as pg.CustomTypesConfig,
  })
  // An idle connection was cut: the pool has dropped it already and opens another when one is needed.
  pool.on('error', () => {})

  const run = async (
    on: pg.Pool | pg.PoolClient,
    sql: string,
    values: readonly SqlValue[],
    rows: 'objects' | 'arrays' = 'objects',
  ): Promise<Outcome> => {
    try {
      const settings = { text: sql, values: values as SqlValue[] }
      const result =
        rows === 'arrays' ? await on.query({ ...settings, rowMode: 'array' }) : await on.query(settings)
      return { rows: result.rows, changes: result.rowCount ?? 0, insertId: undefined }
    } catch (error) {
      throw translate('postgres', error)
    }
  }
  const clients = new WeakMap<Connection, pg.PoolClient>()
  return {
    execute: (sql, values, rows) => run(pool, sql, values, rows),
    async acquire() {
      const client = await pool.connect().catch((error) => {
        throw translate('postgres', error)
      })
      const plain = async (text: string) => void (await run(client, text, []))
      const connection: Connection = {
        execute: (sql, values, rows) => run(client, sql, values, rows),
        begin: () => plain('begin isolation level serializable'),
        commit: () => plain('commit'),
        rollback: () => plain('rollback'),
      }
      clients.set(connection, client)
      return connection
    },
    release: (connection, broken) => clients.get(connection)!.release(broken === true),
    close: () => pool.end(),
  }
}
