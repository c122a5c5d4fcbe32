// Whether the servers on which a cloud keeps its databases let it in, hold them or let it make them, and have room for it.
import { isTrouble } from '#kit/db/connection.ts'
import { readSchema } from '#kit/db/introspect.ts'
import { openDatabase } from '#kit/db/open.ts'
import { examineServer, type ServerFacts, unusableMembers } from '#kit/db/server-facts.ts'
import { parseServerUrl, type ServerUrl } from '#kit/db/server-url.ts'
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import { checkAllSharedKeys } from '#services/identity/ops/shared-key.ts'
import { sharedKey } from '#services/identity/resources/shared-key.ts'
import type { Finding } from './doctor.ts'

export async function databaseFindings(
  world: World,
  urls: Readonly<Record<string, string>>,
): Promise<Finding[]> {
  const servers = new Map<string, { url: ServerUrl; names: string[] }>()
  for (const text of Object.values(urls)) {
    const url = parseServerUrl(text)
    const known = servers.get(serverOf(url)) ?? { url, names: [] }
    known.names.push(url.database)
    servers.set(serverOf(url), known)
  }
  return (
    await Promise.all([...servers.values()].map(({ url, names }) => findingsAt(world, url, names)))
  ).flat()
}

/** Whether this controller is one of those that share the databases: its secrets open the keys that are there. */
export async function keyFindings(
  world: World,
  { identity }: Readonly<Record<string, string>>,
  secret: string,
): Promise<Finding[]> {
  try {
    const db = await openDatabase(world, identity!, { existing: true })
    try {
      // Before the first start there are none.
      if (!(await readSchema(db)).has(sharedKey.name)) return []
      await checkAllSharedKeys(world, db, secret)
    } finally {
      await db.close()
    }
    return []
  } catch (error) {
    // All else about databases is told already.
    if (!(error instanceof CloudError) || error.type !== 'keys.foreign') return []
    const remedy =
      'Take its .nimbo-cloud, secrets.json and tls as docs/guide/databases.md says, or name other databases in cloud.database_url.'
    return [problem(error.message, remedy)]
  }
}

function serverOf({ dialect, user, addresses }: ServerUrl): string {
  return `${dialect}://${user}@${addresses.map(({ host, port }) => `${host}:${port}`).join()}`
}

async function findingsAt(world: World, url: ServerUrl, names: readonly string[]): Promise<Finding[]> {
  const where = serverOf(url)
  let facts: ServerFacts
  try {
    facts = await examineServer(world, url, names)
  } catch (error) {
    return [problem(`${where} is not usable: ${fullMessage(error)}`, remedyFor(url, error))]
  }
  const members = url.addresses.length > 1 ? await unusableMembers(world, url) : []
  const away = members.map(({ address, reason }) => `${address.host}:${address.port}: ${reason}`)
  const needed = names.length * url.connections
  return [
    facts.versionProblem === undefined
      ? { check: 'database', state: 'ok', text: `${facts.version} answers at ${where}` }
      : problem(`${facts.versionProblem} (${where}).`, 'Use a newer one.'),
    ...(away.length > 0
      ? [warning(`Some of its members are not usable: ${away.join('; ')}`, 'The others do meanwhile.')]
      : []),
    ...(facts.refused.length > 0
      ? [
          problem(
            `${url.user} may not make the databases that are missing: ${facts.refused.join(', ')}.`,
            `Let the server's administrator run: ${facts.allowText}`,
          ),
        ]
      : []),
    ...facts.flaws.map(({ text, remedy }) => problem(`${text}.`, remedy)),
    ...(facts.mostConnections < needed
      ? [
          warning(
            `${where} takes ${facts.mostConnections} connections; a controller may open ${needed}.`,
            "Raise the server's max_connections, or put connections=4 into cloud.database_url.",
          ),
        ]
      : []),
  ]
}

function remedyFor({ user, addresses }: ServerUrl, error: unknown): string {
  const hosts = addresses.map(({ host, port }) => (port === 0 ? host : `${host}:${port}`)).join(', ')
  if (isTrouble(error, 'refused'))
    return `Look at the user and password of cloud.database_url or its file, and whether the server lets ${user} in from this machine.`
  if (isTrouble(error, 'lost'))
    return `Start the server, or put its right host and port in place of ${hosts} in cloud.database_url or its file.`
  return "Look at cloud.database_url, and at the server's own log."
}

const problem = (text: string, remedy: string): Finding => ({
  check: 'database',
  state: 'problem',
  text,
  remedy,
})
const warning = (text: string, remedy: string): Finding => ({
  check: 'database',
  state: 'warning',
  text,
  remedy,
})
