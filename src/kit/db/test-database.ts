// The databases that tests run on: SQLite in memory always; PostgreSQL and MariaDB where NIMBO_TEST_PG and
// NIMBO_TEST_MYSQL give the URL of a server on which databases may be made and dropped. Whole services and clouds run on
// SQLite, or on the server of NIMBO_CLOUD_DATABASE. Only tests import this.
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

export type ServiceDatabases = {
  /** Each service has its own, made when it is opened. */
  urlOf(service: string): string
  drop(): Promise<void>
}

/** Two clouds are tested at a time, with eight databases each. */
const connections = 6

/** SQLite in `folder` where one is given, so that others may open the files too. */
export function serviceDatabases(folder?: string): ServiceDatabases {
  const world = realWorld()
  const server = world.env.NIMBO_CLOUD_DATABASE
  if (!server) {
    const urlOf = (service: string) =>
      folder ? `sqlite:${folder}/${service}.db?synchronous=OFF` : 'sqlite::memory:'
    return { urlOf, async drop() {} }
  }
  const prefix = `nimbo_test_${world.random.hexId().slice(0, 12)}`
  const names = new Set<string>()
  return {
    urlOf(service) {
      const name = `${prefix}_${service}`
      names.add(name)
      const url = new URL(server)
      url.pathname = `/${name}`
      url.searchParams.set('connections', String(connections))
      return url.href
    },
    async drop() {
      const db = await openDatabase(world, server)
      for (const name of names) await db.execute(`drop database if exists ${quote(name)}`, [])
      await db.close()
    },
  }
}
