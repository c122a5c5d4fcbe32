// Where a cloud's databases are: SQLite files in its data folder, or one for each service on a PostgreSQL or MariaDB server.
import { parseServerUrl, showServerUrl } from '#kit/db/server-url.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { Cloud } from './data-folder.ts'
import type { CloudSettings } from './settings.ts'

/** Those of services, and the journal's two. */
export const databaseNames = [
  'identity',
  'image',
  'placement',
  'compute',
  'network',
  'volume',
  'hosts',
  'journal',
  'audit',
] as const
export type DatabaseName = (typeof databaseNames)[number]

export type CloudDatabases = {
  /** For kit/db. */
  urlOf(name: string): string
  /** True where they are on a server, which other controllers may share. */
  readonly shared: boolean
}

export async function cloudDatabases(
  world: World,
  { folder, settings }: Pick<Cloud, 'folder' | 'settings'>,
): Promise<CloudDatabases> {
  const urls = await serverUrls(world, settings)
  if (urls) return { shared: true, urlOf: (name) => urls[name as DatabaseName] }
  const files = `${folder.root}/db`
  await world.files.makeFolder(files)
  // What a simulated cloud says is gone with it anyway; a real one keeps its word over a power cut.
  const durability = settings.dataPlane === 'sim' ? 'OFF' : 'GROUP'
  return { shared: false, urlOf: (name) => `sqlite:${files}/${name}.db?synchronous=${durability}` }
}

/** Undefined where the databases are files. Throws 'badRequest' in words without the URL, which holds a password. */
export async function serverUrls(
  world: World,
  { databaseUrl, databaseUrlFile, databaseUrls }: CloudSettings,
): Promise<Record<DatabaseName, string> | undefined> {
  if (databaseUrl !== undefined && databaseUrlFile !== undefined)
    throw new CloudError('badRequest', 'cloud.database_url and cloud.database_url_file are both set')
  const pattern =
    databaseUrlFile === undefined ? databaseUrl : (await world.files.readText(databaseUrlFile)).trim()
  const unknown = Object.keys(databaseUrls).filter((name) => !databaseNames.includes(name as DatabaseName))
  if (unknown.length > 0)
    throw new CloudError(
      'badRequest',
      `cloud.database_urls names ${unknown.join(', ')}; there are ${databaseNames.join(', ')}`,
    )
  if (pattern === undefined && Object.keys(databaseUrls).length === 0) return undefined
  const missing = databaseNames.filter((name) => pattern === undefined && !databaseUrls[name])
  if (missing.length > 0)
    throw new CloudError(
      'badRequest',
      `cloud.database_urls leaves out ${missing.join(', ')}, and there is no cloud.database_url`,
    )
  const urls = databaseNames.map((name) => [name, databaseUrls[name] ?? databaseOf(pattern!, name)] as const)
  for (const [, url] of urls) parseServerUrl(url)
  return Object.fromEntries(urls) as Record<DatabaseName, string>
}

/** `{service}` stands for the name; where it is nowhere, the name comes after that of the URL: nimbo_compute. */
function databaseOf(pattern: string, name: string): string {
  if (pattern.includes('{service}')) return pattern.replaceAll('{service}', name)
  const [, front = '', path = '', query = ''] = /^([^?]*?:\/\/[^/?]*)\/?([^?]*)(\?.*)?$/.exec(pattern) ?? []
  return `${front}/${path || 'nimbo'}_${name}${query}`
}

/** For people. */
export function showUrl(url: string): string {
  return showServerUrl(parseServerUrl(url))
}
