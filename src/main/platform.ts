// The platform on which a process's services stand: journal, broker, bus, HTTP, and where everything is.
import { duplexPair } from 'node:stream'
import { type Broker, openBroker } from '#broker/broker.ts'
import { openBus } from '#kit/bus/client.ts'
import { type HttpClient, httpClient } from '#kit/http/client.ts'
import type { HttpService } from '#kit/http/server.ts'
import { type JournalStore, type OpenJournal, openJournal } from '#kit/journal/store.ts'
import type { Log } from '#kit/log/log.ts'
import type { Platform, ServiceType } from '#kit/service/platform.ts'
import type { Connection, World } from '#kit/world/world.ts'
import type { Secrets } from './secret.ts'

export type PlatformPlan = {
  world: World
  log: Log
  store: JournalStore
  secrets: Secrets
  /** Where a service is reached by the catalog: 'https://192.0.2.1:8774'. */
  endpoint: (type: ServiceType) => string
  /** Who signs the certificates of endpoints in other processes; without it the host's own authorities. */
  authority?: string
  region: string
  databaseUrl: (service: string) => string
  policyText: (service: string) => string | undefined
  folder: (service: string) => string
  /** Where the broker keeps durable queues; absent keeps them in memory. */
  brokerFolder?: string
}

export type OpenPlatform = Platform & {
  readonly journal: OpenJournal
  readonly broker: Broker
  /** A user of the bus for a joined host; with a new password each time. */
  grantBus(host: string): Promise<{ user: string; password: string }>
  /** Its connections end at once. */
  revokeBus(host: string): Promise<void>
  /** Requests to this origin run through its router in this process. */
  host(type: ServiceType, service: HttpService): void
  close(): Promise<void>
}

/** A topic's queue, or the host's own of it. */
const agentTopics = 'compute|q-agent-notifier|dhcp_agent|l3_agent|cinder-volume'
const exchanges = 'nova|neutron|cinder|nimbo|openstack'

export async function openPlatform(plan: PlatformPlan): Promise<OpenPlatform> {
  const { world, log, secrets } = plan
  const journal = openJournal({ world, log, host: world.host.name, service: 'controller', sink: plan.store })
  const all = { configure: '.*', write: '.*', read: '.*' }
  const broker = await openBroker({
    world,
    log: log.with({ service: 'broker' }),
    dataDir: plan.brokerFolder,
    users: {
      controller: { password: secrets['bus-controller'], permissions: { '/': all } },
      agent: { password: secrets['bus-agent'], permissions: { '/': agentRights() } },
      nimbo: { password: secrets['bus-admin'], permissions: { '/': all } },
    },
  })
  const bus = await openBus({
    world,
    log: log.with({ service: 'bus' }),
    journal,
    connect: async () => inProcess(broker),
    user: 'controller',
    password: secrets['bus-controller'],
    name: `controller@${world.host.name}`,
  })
  const local = new Map<string, HttpService>()
  const { endpoint } = plan
  const http: HttpClient = httpClient({ local: (origin) => local.get(origin), ca: plan.authority })
  return {
    world,
    log,
    journal,
    broker,
    bus,
    http,
    region: plan.region,
    endpoint,
    databaseUrl: plan.databaseUrl,
    policyText: plan.policyText,
    folder: plan.folder,
    servicePassword: (user) => secrets[user as keyof Secrets],
    async grantBus(name) {
      const user = `agent@${name}`
      const password = world.random.bytes(18).toString('base64url')
      broker.setUser(user, { password, permissions: { '/': agentRights() } })
      return { user, password }
    },
    revokeBus: async (name) => broker.removeUser(`agent@${name}`),
    host: (type, service) => void local.set(endpoint(type), service),
    async close() {
      http.close()
      await bus.close()
      await broker.close()
      await journal.close()
    },
  }
}

/** One process needs no socket to its own broker; the bytes are the same. */
export function inProcess(broker: Broker): Connection {
  const [near, far] = duplexPair()
  broker.accept(far, 'in-process')
  return Object.assign(near, { peer: 'in-process' })
}

/** Agents declare and read their own topics' queues and replies, and write to exchanges; they read no service's queue. */
function agentRights() {
  const own = `(${agentTopics})(\\..+)?|(${agentTopics})_fanout.*|reply_.*|amq\\.gen.*|fanout_.*`
  return {
    configure: `^(${own}|${exchanges}|(${exchanges})\\.dead)$`,
    write: `^(${own}|${exchanges}|amq\\.default|(${exchanges})\\.dead|)$`,
    read: `^(${own}|${exchanges})$`,
  }
}
