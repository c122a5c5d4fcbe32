// MariaDB and MySQL through mysql2: strict standard SQL, text compared byte by byte as on the other dialects.
import mysql from 'mysql2'
import { CloudError } from '../errors/cloud-error.ts'
import type { World } from '../world/world.ts'
import { type Pool, translate } from './connection.ts'
import type { Outcome, SqlValue } from './database.ts'
import { type Line, openServerPool } from './server-pool.ts'
import type { ServerAddress, ServerUrl } from './server-url.ts'

const sqlMode = 'ANSI_QUOTES,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'

/** Without padding: 'a' and 'a ' are two names. */
const collations = { mariadb: 'utf8mb4_nopad_bin', mysql: 'utf8mb4_0900_bin' }

const connectMs = 5000
/** Rather soon told and tried again than the server's fifty seconds of silence. */
const lockWaitSeconds = 10
/** Of a controller whose machine is gone in the midst of a transaction; MySQL has no such limit. */
const idleTransactionSeconds = 60

export function openMysql(world: World, url: ServerUrl, ca: string | undefined): Pool {
  return openServerPool({
    world,
    addresses: url.addresses,
    most: url.connections,
    begin: 'start transaction',
    connect: (address) => connect(url, address, ca),
  })
}

async function connect(url: ServerUrl, address: ServerAddress, ca: string | undefined): Promise<Line> {
  const client = mysql.createConnection({
    ...(address.port === 0 ? { socketPath: address.host } : { host: address.host, port: address.port }),
    user: url.user,
    password: url.password,
    database: url.database || undefined,
    connectTimeout: connectMs,
    enableKeepAlive: true,
    keepAliveInitialDelay: 10_000,
    charset: 'utf8mb4',
    // An update counts the rows it matched, changed or not, as the other dialects do.
    flags: ['FOUND_ROWS'],
    decimalNumbers: true,
    supportBigNumbers: false,
    ssl: url.tls ? { ca } : undefined,
  })
  const { stream } = client as unknown as {
    stream: { destroy(): void; once(event: 'close', f: () => void): void }
  }
  let broken = false
  const breaks = () => {
    broken = true
  }
  client.on('error', breaks)
  client.on('end', breaks)
  stream.once('close', breaks)

  const query = (sql: string, values: readonly SqlValue[], rowsAsArray: boolean) =>
    new Promise<Outcome>((resolve, reject) => {
      client.query({ sql, values: values as SqlValue[], rowsAsArray }, (error, result) => {
        if (error) {
          if ((error as { fatal?: boolean }).fatal) broken = true
          reject(translate('mysql', error))
        } else if (Array.isArray(result)) resolve({ rows: result, changes: 0, insertId: undefined })
        else {
          const { affectedRows, insertId } = result as mysql.ResultSetHeader
          resolve({ rows: [], changes: affectedRows, insertId: insertId || undefined })
        }
      })
    })
  const line: Line = {
    get broken() {
      return broken
    },
    run: (sql, values, rows) => query(sql, values, rows === 'arrays'),
    end: () => new Promise((resolve, reject) => client.end((error) => (error ? reject(error) : resolve()))),
    destroy() {
      broken = true
      stream.destroy()
    },
  }
  try {
    const plain = async (sql: string) => (await query(sql, [], false)).rows as Record<string, unknown>[]
    const [facts] = await plain('select version() as version, @@global.read_only as readonly')
    const isMariadb = String(facts?.version).includes('MariaDB')
    // A number, or in later MariaDB a word.
    if (!['0', 'OFF'].includes(String(facts?.readonly ?? 0)))
      throw elsewhere('takes no writes: it is read-only')
    const [galera] = await plain("show global variables like 'wsrep_on'")
    const [ready] = galera?.Value === 'ON' ? await plain("show status like 'wsrep_ready'") : []
    if (ready?.Value === 'OFF') throw elsewhere('has lost its Galera cluster, or has not joined it yet')
    await plain(`set names utf8mb4 collate ${collations[isMariadb ? 'mariadb' : 'mysql']}`)
    await plain('set session transaction isolation level serializable')
    const idle = isMariadb ? `, session idle_transaction_timeout = ${idleTransactionSeconds}` : ''
    await plain(
      `set session sql_mode = '${sqlMode}', session innodb_lock_wait_timeout = ${lockWaitSeconds}${idle}`,
    )
    return line
  } catch (error) {
    line.destroy()
    throw error
  }
}

/** Another of its addresses may do. */
function elsewhere(why: string): CloudError {
  return new CloudError('unavailable', `This MariaDB ${why}.`, { type: 'db.lost' })
}
