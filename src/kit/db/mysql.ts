// MariaDB and MySQL through mysql2: a pool, strict standard SQL, text compared byte by byte as on the other dialects.
import mysql from 'mysql2/promise'
import { type Connection, type Pool, translate } from './connection.ts'
import type { Outcome, SqlValue } from './database.ts'

const mostConnections = 10

const sqlMode = 'ANSI_QUOTES,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'

export async function openMysql(url: string): Promise<Pool> {
  const pool = mysql.createPool({
    uri: url,
    connectionLimit: mostConnections,
    connectTimeout: 10_000,
    charset: 'utf8mb4',
    // An update counts the rows it matched, changed or not, as the other dialects do.
    flags: ['FOUND_ROWS'],
    decimalNumbers: true,
    supportBigNumbers: false,
  })
  let collation: string | undefined
  const prepared = new WeakSet<object>()
  const ready = async (client: mysql.PoolConnection) => {
    if (prepared.has(client.connection)) return
    if (!collation) {
      const [rows] = await client.query('select version() as version')
      const { version } = (rows as { version: string }[])[0]!
      // Without padding: 'a' and 'a ' are two names.
      collation = version.includes('MariaDB') ? 'utf8mb4_nopad_bin' : 'utf8mb4_0900_bin'
    }
    await client.query(`set names utf8mb4 collate ${collation}`)
    await client.query(`set session sql_mode = '${sqlMode}'`)
    await client.query('set session transaction isolation level serializable')
    prepared.add(client.connection)
  }
  const connect = async () => {
    try {
      const client = await pool.getConnection()
      try {
        await ready(client)
      } catch (error) {
        client.destroy()
        throw error
      }
      return client
    } catch (error) {
      throw translate('mysql', error)
    }
  }
  const run = async (
    client: mysql.PoolConnection,
    sql: string,
    values: readonly SqlValue[],
    rows: 'objects' | 'arrays' = 'objects',
  ): Promise<Outcome> => {
    try {
      const [result] = await client.query({
        sql,
        values: values as SqlValue[],
        rowsAsArray: rows === 'arrays',
      })
      if (Array.isArray(result)) return { rows: result, changes: 0, insertId: undefined }
      return { rows: [], changes: result.affectedRows, insertId: result.insertId || undefined }
    } catch (error) {
      throw translate('mysql', error)
    }
  }
  const clients = new WeakMap<Connection, mysql.PoolConnection>()
  return {
    async execute(sql, values, rows) {
      const client = await connect()
      try {
        return await run(client, sql, values, rows)
      } finally {
        client.release()
      }
    },
    async acquire() {
      const client = await connect()
      const plain = async (text: string) => void (await run(client, text, []))
      const connection: Connection = {
        execute: (sql, values, rows) => run(client, sql, values, rows),
        begin: () => plain('start transaction'),
        commit: () => plain('commit'),
        rollback: () => plain('rollback'),
      }
      clients.set(connection, client)
      return connection
    },
    release(connection, broken) {
      const client = clients.get(connection)!
      if (broken) client.destroy()
      else client.release()
    },
    close: () => pool.end(),
  }
}
