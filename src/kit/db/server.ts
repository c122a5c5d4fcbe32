// Opens a database on a PostgreSQL or MariaDB server, and makes it where the server has none of that name.
import { CloudError } from '../errors/cloud-error.ts'
import type { World } from '../world/world.ts'
import { isTrouble, type Pool } from './connection.ts'
import { dialects } from './dialects.ts'
import { parseServerUrl, type ServerUrl, showServerUrl } from './server-url.ts'

/** Throws 'badRequest' for a URL that is none, and 'unavailable' where the server or its database can't be had. */
export async function openServer(
  world: World,
  text: string,
  existing: boolean,
): Promise<{ dialect: ServerUrl['dialect']; pool: Pool }> {
  const url = parseServerUrl(text)
  const { dialect } = url
  const pool = await openServerAt(world, url)
  try {
    pool.release(await pool.acquire())
    return { dialect, pool }
  } catch (error) {
    await pool.close()
    if (existing || !isTrouble(error, 'absent')) throw named(url, error)
  }
  await create(world, url)
  return { dialect, pool: await openServerAt(world, url) }
}

/** Connects when it is first asked. */
export async function openServerAt(world: World, url: ServerUrl): Promise<Pool> {
  const file = url.tls?.authorityFile
  const ca = file === undefined ? undefined : await world.files.readText(file)
  if (url.dialect === 'postgres') return (await import('./postgres.ts')).openPostgres(world, url, ca)
  return (await import('./mysql.ts')).openMysql(world, url, ca)
}

async function create(world: World, url: ServerUrl): Promise<void> {
  const { text, from, grant } = dialects[url.dialect].create!
  const pool = await openServerAt(world, { ...url, database: from, connections: 1 })
  try {
    await pool.execute(text(url.database), [])
  } catch (error) {
    // Another process may have come first.
    if (isTrouble(error, 'unique')) return
    if (!isTrouble(error, 'refused')) throw named(url, error)
    throw new CloudError(
      'unavailable',
      `There is no database ${showServerUrl(url)}, and ${url.user} may not make it: let the server's administrator run \`${grant(url.database, url.user)}\`.`,
      { type: 'db.absent', cause: error },
    )
  } finally {
    await pool.close()
  }
}

function named(url: ServerUrl, error: unknown): unknown {
  if (!(error instanceof CloudError)) return error
  return new CloudError(error.kind, `${showServerUrl(url)}: ${error.message}`, {
    type: error.type,
    cause: error,
  })
}
