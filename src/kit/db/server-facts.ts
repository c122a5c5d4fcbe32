// What a database server says of itself and of an account, before anything is put there.
import type { World } from '../world/world.ts'
import { dialects } from './dialects.ts'
import { openServerAt } from './server.ts'
import type { ServerUrl } from './server-url.ts'

export type ServerFacts = {
  /** 'PostgreSQL 15.18', 'MariaDB 10.11.19'. */
  readonly version: string
  readonly mostConnections: number
  /** Of the names asked about. */
  readonly missing: readonly string[]
  readonly mayCreate: boolean
  /** What an administrator runs to make a database for this account. */
  createText(name: string): string
}

const asks = {
  postgres: {
    facts: `select 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1) as version,
      current_setting('max_connections')::int as most,
      (select rolcreatedb or rolsuper from pg_roles where rolname = current_user) as may`,
    names: 'select datname as name from pg_database',
  },
  mysql: {
    facts: `select version() as version, @@max_connections as most,
      (select count(*) from information_schema.user_privileges where privilege_type = 'CREATE'
         and grantee = concat('''', replace(current_user(), '@', '''@'''), '''')) > 0 as may`,
    names: 'select schema_name as name from information_schema.schemata',
  },
}

/** Throws 'unavailable' where the server can't be reached or refuses the account. */
export async function examineServer(
  world: World,
  url: ServerUrl,
  names: readonly string[],
): Promise<ServerFacts> {
  const { from, grant } = dialects[url.dialect].create!
  const pool = await openServerAt(world, { ...url, database: from, connections: 1 })
  try {
    const ask = async (text: string) => (await pool.execute(text, [])).rows as Record<string, unknown>[]
    const [facts] = await ask(asks[url.dialect].facts)
    const there = new Set((await ask(asks[url.dialect].names)).map(({ name }) => String(name)))
    const version = String(facts!.version)
    const mariadb = /^([\d.]+)-MariaDB/.exec(version)
    return {
      version: mariadb ? `MariaDB ${mariadb[1]}` : url.dialect === 'mysql' ? `MySQL ${version}` : version,
      mostConnections: Number(facts!.most),
      missing: names.filter((name) => !there.has(name)),
      mayCreate: Boolean(facts!.may),
      createText: (name) => grant(name, url.user),
    }
  } finally {
    await pool.close()
  }
}
