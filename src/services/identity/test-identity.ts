// A whole identity service for tests: on virtual time, an SQLite database in memory and quick passwords. Only tests import this.
import { withDefaults } from '#kit/config/section.ts'
import { testServers } from '#kit/db/test-database.ts'
import type { HttpAnswer } from '#kit/http/server.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import { silentLog } from '#kit/log/log.ts'
import { testCost } from '#kit/password/password.ts'
import type { Platform } from '#kit/service/platform.ts'
import { realWorld } from '#kit/world/real.ts'
import { type VirtualWorld, virtualWorld } from '#kit/world/virtual.ts'
import { type IdentityClient, identityClient } from './client.ts'
import { type IdentityConfig, identitySection } from './config.ts'
import { bootstrap } from './ops/bootstrap.ts'
import { type IdentityService, openIdentity } from './service.ts'

export const origin = 'http://identity.test:5000'

// biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
type Json = any
export type Answered = { status: number; headers: Record<string, string>; body: Json; text: string }

export type TestIdentity = {
  readonly world: VirtualWorld
  readonly service: IdentityService
  readonly keyFolder: string
  readonly events: () => readonly { name: string; service: string; data?: Record<string, unknown> }[]
  /** A request with a token, or without. */
  ask(
    token: string | undefined,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answered>
  /** Logs in with a body of /v3/auth/tokens. */
  auth(auth: unknown, query?: string): Promise<Answered>
  /** A token of a user of the default domain, by name; fails the test where it is refused. */
  login(name: string, password: string, scope?: unknown): Promise<string>
  /** The administrator's, in project admin. */
  admin(): Promise<string>
  client(user: string): IdentityClient
  /** Another controller on the same database and keys; only where the database lets several processes in. */
  sibling(): Promise<Pick<TestIdentity, 'ask' | 'client'> & { stop(): Promise<void> }>
  close(): Promise<void>
}

export const passwordAuth = (name: string, password: string, scope?: unknown) => ({
  identity: { methods: ['password'], password: { user: { name, password, domain: { id: 'default' } } } },
  ...(scope !== undefined && { scope }),
})
export const inProject = (name: string) => ({ project: { name, domain: { id: 'default' } } })

export async function testIdentity(
  config: Partial<IdentityConfig> = {},
  options: { now?: number } = {},
): Promise<TestIdentity> {
  const world = virtualWorld(options)
  const folder = `/tmp/nimbo-identity-test-${realWorld().random.hexId()}`
  const sink = memorySink()
  const journal = openJournal({ world, log: silentLog, host: 'controller', service: 'test', sink })
  let service: IdentityService | undefined
  // SQLite in memory, or the last server that the environment names.
  const database = await testServers().at(-1)!.fresh(realWorld())
  const platform: Platform = {
    world,
    log: silentLog,
    journal,
    // Identity asks nobody over the bus.
    bus: undefined as never,
    http: {
      async request({ method, url, headers, body }) {
        const { pathname, search } = new URL(url)
        const answer = await send(service!, method, pathname + search, headers ?? {}, body)
        return { status: answer.status, headers: answer.headers, body: answer.body }
      },
      close() {},
    },
    region: 'RegionOne',
    endpoint: () => origin,
    databaseUrl: () => database.url,
    folder: (name) => `${folder}/${name}`,
    servicePassword: (user) => `${user}-secret`,
  }
  service = await openIdentity(platform, withDefaults(identitySection, config), { passwordCost: testCost })
  await bootstrap(service.app, {
    region: 'RegionOne',
    adminPassword: 'admin-secret',
    serviceUsers: [{ name: 'nova', password: 'nova-secret' }],
    catalog: [
      { type: 'identity', name: 'keystone', url: `${origin}/v3` },
      { type: 'volumev3', name: 'cinderv3', url: 'http://volume.test:8776/v3/$(project_id)s' },
    ],
  })
  const identity = service
  const askOf =
    (to: IdentityService): TestIdentity['ask'] =>
    (token, method, path, body, headers) =>
      send(to, method, path, { ...headers, ...(token && { 'x-auth-token': token }) }, body)
  const clientOf = (of: IdentityService) => (user: string) =>
    identityClient({ platform, user, journal: journal.as(user), epoch: of.epoch })
  const ask = askOf(identity)
  const auth: TestIdentity['auth'] = (given, query = '') =>
    ask(undefined, 'POST', `/v3/auth/tokens${query}`, { auth: given })
  const login: TestIdentity['login'] = async (name, password, scope) => {
    const answer = await auth(passwordAuth(name, password, scope))
    if (answer.status !== 201)
      throw new Error(`Login of ${name} was answered ${answer.status}: ${answer.text}`)
    return answer.headers['x-subject-token']!
  }
  return {
    world,
    service: identity,
    keyFolder: `${folder}/identity/token-keys`,
    events: () => sink.events,
    ask,
    auth,
    login,
    admin: () => login('admin', 'admin-secret', inProject('admin')),
    client: clientOf(identity),
    async sibling() {
      const other = await openIdentity(platform, withDefaults(identitySection, config), {
        passwordCost: testCost,
      })
      return { ask: askOf(other), client: clientOf(other), stop: () => other.stop() }
    },
    async close() {
      await identity.stop()
      await journal.close()
      await database.drop()
      await world.files.removeTree(folder)
    },
  }
}

async function send(
  service: IdentityService,
  method: string,
  url: string,
  headers: Record<string, string>,
  body: unknown,
): Promise<Answered> {
  const given = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
  const answer: HttpAnswer = await service.http.inject({
    method,
    url,
    headers: { host: 'identity.test:5000', ...type, ...headers },
    ...given,
  })
  const text = answer.body.toString('utf8')
  const isJson = answer.headers['content-type']?.includes('json') && text !== ''
  return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : undefined, text }
}
