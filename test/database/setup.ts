// For the levels `postgres` and `mariadb`: a server for as long as their tests run, which these find in their environment.
import type { TestProject } from 'vitest/node'
import { type ServerKind, startServer } from './server.ts'

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const kind = project.name as ServerKind
  const server = await startServer(kind)
  const own = kind === 'postgres' ? 'NIMBO_TEST_PG' : 'NIMBO_TEST_MYSQL'
  project.config.env = { ...project.config.env, NIMBO_CLOUD_DATABASE: server.url, [own]: server.url }
  return () => server.remove()
}
