// The platform on which a process's services stand: journal, broker, bus, HTTP, and where everything is.
import { contracts } from '#contracts/all.ts'
import { openBus } from '#kit/bus/client.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type HttpClient, httpClient } from '#kit/http/client.ts'
import type { HttpService } from '#kit/http/server.ts'
import { type JournalStore, type OpenJournal, openJournal } from '#kit/journal/store.ts'
import type { Log } from '#kit/log/log.ts'
import type { Platform, ServiceType } from '#kit/service/platform.ts'
import type { World } from '#kit/world/world.ts'
import { type BusAccess, type BusAgent, type BusLogin, speaker } from './bus-access.ts'
import { type BusEngine, type ExternalBroker, openBusEngine } from './bus-engine.ts'
import type { CloudBroker, CloudBrokerPlan } from './cloud-broker.ts'
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
  folder: (service: string) => string
  /** Where the broker keeps durable queues; absent keeps them in memory. */
  brokerFolder?: string
  /** A broker that is not ours; without it the embedded one runs. */
  external?: ExternalBroker
  /** The embedded broker, where there is no other: in this thread or in its own. */
  openBroker: (plan: CloudBrokerPlan) => Promise<CloudBroker>
  /** Those that have no user of their own on the bus until this starts, such as this machine's. */
  agents: readonly BusAgent[]
}

export type OpenPlatform = Platform & {
  readonly journal: OpenJournal
  /** The embedded one. */
  readonly broker: CloudBroker | undefined
  /** A user of the bus for a joined host; with a new password each time. Kind 'conflict' where all hosts share one. */
  grantBus(host: string): Promise<BusLogin>
  /** Its connections end at once. */
  revokeBus(host: string): Promise<void>
  /** Requests to this origin run through its router in this process. */
  host(type: ServiceType, service: HttpService): void
  close(): Promise<void>
}

export async function openPlatform(plan: PlatformPlan): Promise<OpenPlatform> {
  const { world, log, secrets } = plan
  const journal = openJournal({ world, log, host: world.host.name, service: 'controller', sink: plan.store })
  const local = new Map<string, HttpService>()
  const { endpoint, external } = plan
  const http: HttpClient = httpClient({ world, local: (origin) => local.get(origin), ca: plan.authority })
  const engine = await openBusEngine({ ...plan, log })
  const { login } = engine
  const bus = await openBus({
    world,
    log: log.with({ service: 'bus' }),
    journal,
    connect: engine.connect,
    ...login,
    name: `controller@${world.host.name}`,
    contracts,
    durableQueueType: external?.durableQueueType,
    heartbeatSeconds: external?.heartbeatSeconds,
    speaksFor: speaker([login.user], plan.agents),
  })
  return {
    world,
    log,
    journal,
    broker: engine.broker,
    bus,
    http,
    region: plan.region,
    endpoint,
    databaseUrl: plan.databaseUrl,
    folder: plan.folder,
    servicePassword: (user) => secrets[user as keyof Secrets],
    grantBus: (host) => requireAccess(engine).grantHost(host),
    revokeBus: (host) => requireAccess(engine).revokeHost(host),
    host: (type, service) => void local.set(endpoint(type), service),
    async close() {
      http.close()
      await bus.close()
      await engine.close()
      await journal.close()
    },
  }
}

function requireAccess({ access }: BusEngine): BusAccess {
  if (access) return access
  throw new CloudError(
    'conflict',
    'Hosts join a cloud on a RabbitMQ only where cloud.transport_management_url says how to give them users of their own.',
  )
}
