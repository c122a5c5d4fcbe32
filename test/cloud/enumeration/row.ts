// What a service's database holds, to prove that a refused request has changed nothing of it.
import { createHash } from 'node:crypto'
import { openDatabase } from '#kit/db/open.ts'
import type { Bench } from './bench.ts'

/** Of each table a digest of all its rows. */
export type Digest = ReadonlyMap<string, string>

const catalogs = {
  sqlite: "select name from sqlite_master where type = 'table'",
  postgres: 'select table_name as name from information_schema.tables where table_schema = current_schema()',
  mysql: 'select table_name as name from information_schema.tables where table_schema = database()',
}
const stored = new Set(['identity', 'image', 'placement', 'network', 'volume', 'compute', 'hosts'])

/** Read beside the service, over a connection of its own: what isn't committed doesn't count. */
export async function digest({ cloud, beside }: Bench, type: string): Promise<Digest> {
  if (type === 'simulation') return beside.digest()
  if (!stored.has(type)) return new Map()
  const db = await openDatabase(cloud.world, cloud.platform.databaseUrl(type))
  try {
    const found = new Map<string, string>()
    const tables = (await db.execute(catalogs[db.dialect], [])).rows as { name: string }[]
    const quote = db.dialect === 'mysql' ? '`' : '"'
    for (const { name } of tables) {
      const { rows } = await db.execute(`select * from ${quote}${name}${quote}`, [])
      const lines = rows.map((row) =>
        JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
      )
      found.set(
        name,
        `${rows.length} rows, ${createHash('sha256').update(lines.sort().join('\n')).digest('hex')}`,
      )
    }
    return found
  } finally {
    await db.close()
  }
}

export function differences(before: Digest, after: Digest): string[] {
  const names = new Set([...before.keys(), ...after.keys()])
  return [...names].filter((name) => before.get(name) !== after.get(name))
}
