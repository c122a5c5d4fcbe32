// PostgreSQL through pg: numbers as numbers, SERIALIZABLE transactions, and only a server that takes writes.
import pg from 'pg'
import { CloudError } from '../errors/cloud-error.ts'
import type { World } from '../world/world.ts'
import { type Pool, translate } from './connection.ts'
import { type Line, openServerPool } from './server-pool.ts'
import type { ServerAddress, ServerUrl } from './server-url.ts'

/** Types whose text pg would leave alone: int8 (20) and numeric (1700, what sum() of int8 gives). */
const asNumber = new Set([20, 1700])
const types = {
  getTypeParser: (type: number, format?: 'text' | 'binary') =>
    asNumber.has(type) ? Number : pg.types.getTypeParser(type, format as 'text'),
} as pg.CustomTypesConfig

const connectMs = 5000

/**
 * Of a controller whose machine is gone in the midst of a transaction, the server learns nothing for hours: it lets go
 * of its locks after a minute.
 */
const session = `
  set idle_in_transaction_session_timeout = 60000;
  set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3;
  select set_config(name, '10s', false) from pg_settings where name = 'client_connection_check_interval';
  select pg_is_in_recovery() as follows`

export function openPostgres(world: World, url: ServerUrl, ca: string | undefined): Pool {
  return openServerPool({
    world,
    addresses: url.addresses,
    most: url.connections,
    begin: 'begin isolation level serializable',
    connect: (address) => connect(url, address, ca),
  })
}

async function connect(url: ServerUrl, address: ServerAddress, ca: string | undefined): Promise<Line> {
  const client = new pg.Client({
    host: address.host,
    port: address.port || undefined,
    user: url.user,
    password: url.password,
    database: url.database || 'postgres',
    application_name: 'nimbo',
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ssl: url.tls ? { ca } : false,
    types,
  })
  let broken = false
  const breaks = () => {
    broken = true
  }
  client.on('error', breaks).on('end', breaks)
  const inOurWords = (error: unknown) => {
    // pg says only in words that the connection ended under a query.
    const silent = typeof (error as { code?: unknown }).code !== 'string'
    return translate('postgres', broken && silent ? Object.assign(error as Error, { code: '08006' }) : error)
  }
  try {
    await client.connect()
    const results = (await client.query(session)) as unknown as pg.QueryResult[]
    if (results.at(-1)!.rows[0].follows)
      throw new CloudError('unavailable', 'This PostgreSQL follows another and takes no writes.', {
        type: 'db.lost',
      })
  } catch (error) {
    client.end().catch(() => {
      // It never came to be.
    })
    broken = true
    throw inOurWords(error)
  }
  return {
    get broken() {
      return broken
    },
    async run(text, values, rows) {
      try {
        const settings = { text, values: values as unknown[] }
        const result = await (rows === 'arrays'
          ? client.query({ ...settings, rowMode: 'array' })
          : client.query(settings))
        return { rows: result.rows, changes: result.rowCount ?? 0, insertId: undefined }
      } catch (error) {
        throw inOurWords(error)
      }
    },
    end: () => client.end(),
    destroy() {
      broken = true
      ;(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
    },
  }
}
