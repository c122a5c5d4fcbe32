// A platform for tests of one service: virtual time, databases and journal in memory, callers by made-up tokens.
import type { Bus } from '../bus/bus.ts'
import { serviceDatabases } from '../db/test-database.ts'
import { CloudError } from '../errors/cloud-error.ts'
import type { Caller } from '../http/caller.ts'
import { nobody } from '../http/caller.ts'
import { httpClient } from '../http/client.ts'
import type { Authenticate, HttpService } from '../http/server.ts'
import { memorySink } from '../journal/memory-sink.ts'
import { openJournal } from '../journal/store.ts'
import { silentLog } from '../log/log.ts'
import { type VirtualWorld, virtualWorld } from '../world/virtual.ts'
import type { Platform } from './platform.ts'

export type TestPlatform = Platform & {
  readonly world: VirtualWorld
  readonly events: ReturnType<typeof memorySink>['events']
}

/** Services reach each other at http://<type>.test through `services`. */
export function testPlatform(
  given: { bus?: Bus; world?: VirtualWorld; services?: Map<string, HttpService>; folder?: string } = {},
): TestPlatform {
  const world = given.world ?? virtualWorld()
  const sink = memorySink()
  const services = given.services ?? new Map<string, HttpService>()
  const noBus = new Proxy({} as Bus, {
    get: (_, name) => {
      throw new Error(`This test gave no bus, and ${String(name)} was asked of it`)
    },
  })
  return {
    world,
    log: silentLog,
    journal: openJournal({ world, log: silentLog, host: world.host.name, service: 'test', sink }),
    bus: given.bus ?? noBus,
    http: httpClient({ local: (origin) => services.get(origin) }),
    region: 'RegionOne',
    endpoint: (type) => `http://${type}.test`,
    databaseUrl: serviceDatabases().urlOf,
    folder: (service) => `${given.folder ?? '/nonexistent'}/${service}`,
    servicePassword: (user) => `password of ${user}`,
    get events() {
      return sink.events
    },
  }
}

/** A caller by what matters to a test; the rest is made up. */
export function testCaller(given: Partial<Caller> & Pick<Caller, 'roles'>): Caller {
  return {
    ...nobody,
    token: 'a token',
    userId: 'u'.repeat(32),
    userName: 'somebody',
    userDomainId: 'default',
    projectId: 'p'.repeat(32),
    projectName: 'a project',
    projectDomainId: 'default',
    expiresAt: Number.MAX_SAFE_INTEGER,
    methods: ['password'],
    auditIds: ['audit'],
    ...given,
  }
}

export function authenticateBy(callers: Record<string, Caller>): Authenticate {
  return async (token) => {
    const caller = callers[token]
    if (!caller) throw new CloudError('unauthorized', 'The request you have made requires authentication.')
    return caller
  }
}

// Tests look into bodies of any shape, and fail where a member isn't there.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type TestAnswer = { status: number; headers: Record<string, string>; body: any }

/** `const call = caller(service.http, 'admin')`; then `await call('GET', '/path', body?, headers?)`. */
export function callsTo(http: HttpService, token: string | undefined, always: Record<string, string> = {}) {
  return async (
    method: string,
    url: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<TestAnswer> => {
    const result = await http.inject({
      method,
      url,
      headers: {
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { 'x-auth-token': token }),
        ...always,
        ...headers,
      },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    })
    const text = result.body.toString('utf8')
    const json = result.headers['content-type']?.includes('json') && text !== ''
    return { status: result.status, headers: result.headers, body: json ? JSON.parse(text) : text }
  }
}
