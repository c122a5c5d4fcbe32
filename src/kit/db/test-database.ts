// The databases that tests run on: SQLite in memory always; PostgreSQL and MariaDB where NIMBO_TEST_PG and
// NIMBO_TEST_MYSQL give the URL of a server on which databases may be made and dropped. Only tests import this.
import { realWorld } from '../world/real.ts'
import type { World } from '../world/world.ts'
import type { Database } from './database.ts'
import { quote } from './dialects.ts'
import { type OpenOptions, openDatabase } from './open.ts'

export type FreshDatabase = {
  readonly db: Database
  /** Another pool on the same database, as another process would have it; SQLite in memory has none. */
  readonly url: string
  drop(): Promise<void>
}
export type TestServer = {
  readonly name: string
  fresh(world?: World, options?: OpenOptions): Promise<FreshDatabase>
}

export function testServers(): TestServer[] {
  const { env } = realWorld()
  return [
    { name: 'SQLite', fresh: freshSqlite },
    ...(env.NIMBO_TEST_PG ? [{ name: 'PostgreSQL', fresh: freshOn(env.NIMBO_TEST_PG) }] : []),
    ...(env.NIMBO_TEST_MYSQL ? [{ name: 'MariaDB', fresh: freshOn(env.NIMBO_TEST_MYSQL) }] : []),
  ]
}

async function freshSqlite(world: World = realWorld(), options?: OpenOptions): Promise<FreshDatabase> {
  const url = 'sqlite::memory:'
  const db = await openDatabase(world, url, options)
  return { db, url, drop: () => db.close() }
}

function freshOn(server: string): TestServer['fresh'] {
  return async (world = realWorld(), options) => {
    const name = `nimbo_test_${realWorld().random.hexId().slice(0, 12)}`
    const admin = await openDatabase(world, server)
    await admin.execute(`create database ${quote(name)}`, [])
    const url = new URL(server)
    url.pathname = `/${name}`
    const db = await openDatabase(world, url.href, options)
    return {
      db,
      url: url.href,
      async drop() {
        await db.close()
        await admin.execute(`drop database ${quote(name)}`, [])
        await admin.close()
      },
    }
  }
}
