// The databases of a cloud under test: SQLite in memory, or, where NIMBO_CLOUD_DATABASE gives the URL of a PostgreSQL or
// MariaDB server on which databases may be made and dropped, one of the cloud's own for each service there.
import { quote } from '#kit/db/dialects.ts'
import { openDatabase } from '#kit/db/open.ts'
import { realWorld } from '#kit/world/real.ts'

export type TestDatabases = {
  urlOf(service: string): string
  drop(): Promise<void>
}

/** Two clouds are tested at a time, with seven databases each. */
const connections = 6

/** In files below `folder` where that is given, so that a test may look into them beside the services. */
export function testDatabases(folder?: string): TestDatabases {
  const world = realWorld()
  const server = world.env.NIMBO_CLOUD_DATABASE
  if (!server)
    return {
      urlOf: (service) => (folder ? `sqlite:${folder}/${service}.db?synchronous=OFF` : 'sqlite::memory:'),
      async drop() {},
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
