// What a database server says of itself and of an account, before anything is put there.
import { CloudError, fullMessage } from '../errors/cloud-error.ts'
import type { World } from '../world/world.ts'
import type { Pool } from './connection.ts'
import { dialects } from './dialects.ts'
import { openServerAt } from './server.ts'
import { lackingRights, readGrants } from './server-grant.ts'
import type { ServerAddress, ServerUrl } from './server-url.ts'

export type ServerFacts = {
  /** 'PostgreSQL 15.18', 'MariaDB 10.11.19'. */
  readonly version: string
  /** Why this version won't do. */
  readonly versionProblem: string | undefined
  readonly mostConnections: number
  /** Of the names asked about: databases that are not there, and may not be made. */
  readonly refused: readonly string[]
  /** Of those that are there: why one won't do, as sentences without a full stop, and what an administrator does about it. */
  readonly flaws: readonly Flaw[]
  /** What an administrator runs so that the account may make these. */
  readonly allowText: string
}
export type Flaw = { readonly text: string; readonly remedy: string }

type Row = Record<string, unknown>
type Ask = (text: string) => Promise<Row[]>
type Found = Pick<ServerFacts, 'refused' | 'flaws'>

const facts = {
  postgres: `select 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1) as version,
    current_setting('max_connections')::int as most`,
  mysql: `select version() as version, @@max_connections as most`,
}

/** Throws 'unavailable' where the server can't be reached or refuses the account. */
export async function examineServer(
  world: World,
  url: ServerUrl,
  names: readonly string[],
): Promise<ServerFacts> {
  const { from } = dialects[url.dialect].create!
  return asking(world, { ...url, database: from }, async (ask) => {
    const [said] = await ask(facts[url.dialect])
    const version = shownVersion(url.dialect, String(said!.version))
    const examine = url.dialect === 'postgres' ? examinePostgres : examineMysql
    const found = await examine(world, url, ask, names)
    return {
      version,
      versionProblem: versionProblem(version),
      mostConnections: Number(said!.most),
      ...found,
      allowText: dialects[url.dialect].allow!(found.refused, url.user),
    }
  })
}

/** The members of a cluster that don't answer, or wouldn't do, each with the reason. */
export async function unusableMembers(
  world: World,
  url: ServerUrl,
): Promise<{ address: ServerAddress; reason: string }[]> {
  const { from } = dialects[url.dialect].create!
  const tried = await Promise.all(
    url.addresses.map(async (address) => {
      try {
        await asking(world, { ...url, addresses: [address], database: from }, (ask) => ask('select 1 as one'))
        return []
      } catch (error) {
        return [{ address, reason: fullMessage(error) }]
      }
    }),
  )
  return tried.flat()
}

/** The oldest that are tested or known to do. */
const oldest = { PostgreSQL: [13, 0], MariaDB: [10, 6] } as const

/** `version` as shown: 'MariaDB 10.5.2'. */
export function versionProblem(version: string): string | undefined {
  const [, product = '', major, minor] = /^(\w+) (\d+)(?:\.(\d+))?/.exec(version) ?? []
  if (!(product in oldest)) return `${version} was never tried: PostgreSQL and MariaDB are`
  const least = oldest[product as keyof typeof oldest]
  const isOld = Number(major) < least[0] || (Number(major) === least[0] && Number(minor ?? 0) < least[1])
  return isOld
    ? `${version} is too old: ${product} ${least[0]}${least[1] ? `.${least[1]}` : ''} is the oldest that does`
    : undefined
}

function shownVersion(dialect: ServerUrl['dialect'], said: string): string {
  if (dialect === 'postgres') return said
  // '10.11.19-MariaDB-0+deb12u1', behind some proxies with '5.5.5-' before it.
  const mariadb = /^(?:5\.5\.5-)?([\d.]+)-MariaDB/.exec(said)
  return mariadb ? `MariaDB ${mariadb[1]}` : `MySQL ${said}`
}

async function examinePostgres(
  world: World,
  url: ServerUrl,
  ask: Ask,
  names: readonly string[],
): Promise<Found> {
  const [account] = await ask(
    'select rolcreatedb or rolsuper as may from pg_roles where rolname = current_user',
  )
  const there = new Set((await ask('select datname as name from pg_database')).map(({ name }) => name))
  const missing = names.filter((name) => !there.has(name))
  const flaws: Flaw[] = []
  for (const name of names)
    if (there.has(name))
      flaws.push(
        ...(await asking(world, { ...url, database: name }, (ask) => flawsOfPostgres(ask, url.user, name))),
      )
  return { refused: account?.may ? [] : missing, flaws }
}

async function flawsOfPostgres(ask: Ask, user: string, name: string): Promise<Flaw[]> {
  const [said] = await ask(`select current_setting('server_encoding') as encoding,
    coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) as may,
    (select min(tableowner) from pg_tables
      where schemaname = current_schema() and not pg_has_role(tableowner, 'USAGE')) as stranger`)
  const flaws: Flaw[] = []
  if (said!.encoding !== 'UTF8')
    flaws.push({
      text: `${name} is encoded in ${said!.encoding}, which can't hold every text`,
      remedy: `Make it anew: ${dialects.postgres.create!.grant(name, user)}`,
    })
  if (!said!.may)
    flaws.push({
      text: `${user} may not make tables in ${name}`,
      remedy: `Let the server's administrator run: alter database "${name}" owner to "${user}"`,
    })
  if (said!.stranger)
    flaws.push({
      text: `Tables of ${name} belong to ${said!.stranger}, not to ${user}`,
      remedy: `Let the server's administrator run, in ${name}: reassign owned by "${said!.stranger}" to "${user}"`,
    })
  return flaws
}

async function examineMysql(
  _world: World,
  url: ServerUrl,
  ask: Ask,
  names: readonly string[],
): Promise<Found> {
  const shown = await ask('select schema_name as name from information_schema.schemata')
  const there = new Set(shown.map(({ name }) => name))
  const grants = await readGrants(ask)
  const refused: string[] = []
  const flaws: Flaw[] = []
  for (const name of names) {
    const lacking = lackingRights(grants, name)
    if (lacking.length === 0) continue
    // One that may not be touched at all isn't shown either.
    if (!there.has(name)) refused.push(name)
    else
      flaws.push({
        text: `${url.user} may not ${lacking.join(', ')} in ${name}`,
        remedy: `Let the server's administrator run: grant all on \`${name}\`.* to '${url.user}'@'%'`,
      })
  }
  return { refused, flaws }
}

async function asking<T>(world: World, url: ServerUrl, work: (ask: Ask) => Promise<T>): Promise<T> {
  const pool: Pool = await openServerAt(world, { ...url, connections: 1 })
  try {
    return await work(async (text) => (await pool.execute(text, [])).rows as Row[])
  } catch (error) {
    const isNamed = url.database !== dialects[url.dialect].create!.from
    if (!(error instanceof CloudError) || !isNamed) throw error
    throw new CloudError(error.kind, `${url.database}: ${error.message}`, {
      type: error.type,
      cause: error.cause,
    })
  } finally {
    await pool.close()
  }
}
