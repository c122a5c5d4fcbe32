// Whether the servers on which a cloud keeps its databases let it in, hold them or let it make them, and have room for it.
import { examineServer, type ServerFacts } from '#kit/db/server-facts.ts'
import { parseServerUrl, type ServerUrl } from '#kit/db/server-url.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
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

function serverOf({ dialect, user, addresses }: ServerUrl): string {
  return `${dialect}://${user}@${addresses.map(({ host, port }) => `${host}:${port}`).join()}`
}

async function findingsAt(world: World, url: ServerUrl, names: readonly string[]): Promise<Finding[]> {
  const where = serverOf(url)
  let facts: ServerFacts
  try {
    facts = await examineServer(world, url, names)
  } catch (error) {
    return [
      {
        check: 'database',
        state: 'problem',
        text: `${where} is not usable: ${fullMessage(error)}`,
        remedy: "Look at cloud.database_url, and at the server's own log.",
      },
    ]
  }
  const found: Finding[] = [{ check: 'database', state: 'ok', text: `${facts.version} answers at ${where}` }]
  if (facts.missing.length > 0 && !facts.mayCreate)
    found.push({
      check: 'database',
      state: 'problem',
      text: `${url.user} may not make the databases that are missing: ${facts.missing.join(', ')}.`,
      remedy: `Let the server's administrator run: ${facts.missing.map(facts.createText).join('; ')}`,
    })
  const needed = names.length * url.connections
  if (facts.mostConnections < needed)
    found.push({
      check: 'database',
      state: 'warning',
      text: `${where} takes ${facts.mostConnections} connections; a controller may open ${needed}.`,
      remedy: "Raise the server's max_connections, or put connections=4 into cloud.database_url.",
    })
  return found
}
