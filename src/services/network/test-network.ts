// A whole network service for tests: on virtual time, with its database in memory. Identity, compute and the bus are
// small stand-ins at the edge: a table of tokens, a list of events told, a list of casts. Only tests import this.
import { agentTypes, type networkPlugin } from '#contracts/network-agent.ts'
import type { Bus, Handlers, Incoming } from '#kit/bus/bus.ts'
import { withDefaults } from '#kit/config/section.ts'
import { testServers } from '#kit/db/test-database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type Caller, nobody } from '#kit/http/caller.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import { silentLog } from '#kit/log/log.ts'
import type { Platform } from '#kit/service/platform.ts'
import { realWorld } from '#kit/world/real.ts'
import { type VirtualWorld, virtualWorld } from '#kit/world/virtual.ts'
import { type NetworkConfig, networkConfig } from './config.ts'
import { openNetwork, type RunningNetwork } from './service.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
export type Json = any
export type Answered = { status: number; headers: Record<string, string>; body: Json }
export type Cast = { contract: string; method: string; params: Json; host: string | undefined }
export type Told = { name: string; serverId: string; tag?: string }

/** One person's requests: `alice('GET', '/v2.0/ports')`. */
export type Ask = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Answered>

export type TestNetwork = {
  readonly world: VirtualWorld
  readonly service: RunningNetwork
  /** What agents call. */
  readonly plugin: Handlers<typeof networkPlugin.methods>
  /** Of the one who calls it. */
  readonly incoming: Incoming
  readonly casts: Cast[]
  /** What compute was told. */
  readonly told: Told[]
  readonly projects: typeof projects
  readonly admin: Ask
  readonly alice: Ask
  /** May only look, in alice's project. */
  readonly reader: Ask
  /** In another project. */
  readonly bob: Ask
  /** Without a token. */
  readonly stranger: Ask
  /** A heart-beat of an agent of the host. */
  beat(
    host: string,
    kind: keyof typeof agentTypes,
    configurations?: Record<string, unknown>,
  ): Promise<'new' | 'alive'>
  /** Until told otherwise, compute can't be reached. */
  setComputeAway(away: boolean): void
  close(): Promise<void>
}

const projects = { alice: 'a'.repeat(32), bob: 'b'.repeat(32), admin: 'd'.repeat(32) }

const person = (token: string, projectId: string, roles: string[]): Caller => ({
  ...nobody,
  token,
  userId: `user-${token}`,
  userName: token,
  projectId,
  roles,
})
const people: Record<string, Caller> = {
  admin: person('admin', projects.admin, ['admin', 'member', 'reader']),
  alice: person('alice', projects.alice, ['member', 'reader']),
  reader: person('reader', projects.alice, ['reader']),
  bob: person('bob', projects.bob, ['member', 'reader']),
}

export async function testNetwork(
  config: Partial<NetworkConfig> = {},
  options: { seed?: number } = {},
): Promise<TestNetwork> {
  const world = virtualWorld(options)
  const sink = memorySink()
  const journal = openJournal({ world, log: silentLog, host: 'controller', service: 'test', sink })
  const database = await testServers().at(-1)!.fresh(realWorld())
  const casts: Cast[] = []
  const told: Told[] = []
  let computeAway = false
  const served: { handlers?: Handlers<typeof networkPlugin.methods> } = {}
  const platform: Platform = {
    world,
    log: silentLog,
    journal,
    bus: edgeBus(casts, served),
    http: undefined as never,
    region: 'RegionOne',
    endpoint: (type) => `http://${type}.test`,
    databaseUrl: () => database.url,
    folder: (name) => `/nowhere/${name}`,
    servicePassword: (user) => `${user}-secret`,
  }
  const service = await openNetwork(
    platform,
    withDefaults(networkConfig, config),
    async (token) => {
      const caller = people[token]
      if (!caller) throw new CloudError('unauthorized', 'The token is not known.')
      return caller
    },
    {
      compute: {
        async sendExternalEvents(_, __, events) {
          if (computeAway) throw new CloudError('unavailable', 'No answer from compute')
          told.push(...events.map(({ name, serverId, tag }) => ({ name, serverId, ...(tag && { tag }) })))
          return []
        },
      },
      serviceToken: async () => 'neutron',
    },
  )
  const plugin = served.handlers!
  const incoming: Incoming = {
    trace: journal.newTrace(),
    messageId: 'm',
    deadline: undefined,
    redelivered: false,
    user: 'controller',
  }
  const as =
    (token?: string): Ask =>
    async (method, path, body, headers = {}) => {
      const answer = await service.http.inject({
        method,
        url: path,
        headers: {
          host: 'network.test:9696',
          ...(token && { 'x-auth-token': token }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      const text = answer.body.toString('utf8')
      const parsed = text === '' ? undefined : JSON.parse(text)
      return { status: answer.status, headers: answer.headers, body: parsed }
    }
  return {
    world,
    service,
    plugin,
    incoming,
    casts,
    told,
    projects,
    admin: as('admin'),
    alice: as('alice'),
    reader: as('reader'),
    bob: as('bob'),
    stranger: as(),
    async beat(host, kind, configurations = {}) {
      const { agentType, binary } = agentTypes[kind]
      const startedAt = 0
      const report = {
        host,
        agentType,
        binary,
        topic: 'N/A',
        availabilityZone: '',
        configurations,
        startedAt,
      }
      return (await plugin.agentReport(report, incoming)).status
    },
    setComputeAway(away) {
      computeAway = away
    },
    async close() {
      await service.stop()
      await journal.close()
      await database.drop()
    },
  }
}

function edgeBus(casts: Cast[], served: { handlers?: Handlers<typeof networkPlugin.methods> }): Bus {
  return {
    caller: (contract) =>
      new Proxy({} as never, {
        get:
          (_, method) =>
          async (params: unknown, { host }: { host?: string }) => {
            casts.push({ contract: contract.topic, method: String(method), params, host })
          },
      }),
    async serve(_, __, ___, handlers) {
      served.handlers = handlers as unknown as Handlers<typeof networkPlugin.methods>
      return { stop: async () => {} }
    },
    notify: async () => {},
    connected: true,
    close: async () => {},
  }
}
