// The broker under the bus of a cloud: the embedded one, or one that the operator runs; and who may enter it.
import { connectToAny, type Transport } from '#kit/bus/transport.ts'
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import { httpClient } from '#kit/http/client.ts'
import type { Log } from '#kit/log/log.ts'
import type { Connection, World } from '#kit/world/world.ts'
import {
  type BusAccess,
  type BusAgent,
  embeddedBusAccess,
  grantSoon,
  managementBusAccess,
} from './bus-access.ts'
import type { CloudBroker, CloudBrokerPlan } from './cloud-broker.ts'
import type { Secrets } from './secret.ts'

export type ExternalBroker = {
  transport: Transport
  /** Who signs the brokers' certificates, in PEM; the default is the host's own list. */
  authority?: string
  durableQueueType: 'classic' | 'quorum'
  /** The default is 60; 0 is off. */
  heartbeatSeconds?: number
  /** Where hosts are given users of their own; without it all processes are the transport's user. */
  management?: { urls: readonly string[]; user: string; password: string }
}

export type BusEnginePlan = {
  world: World
  log: Log
  secrets: Pick<Secrets, 'bus-controller' | 'bus-admin'>
  /** Where the embedded broker keeps durable queues; absent keeps them in memory. */
  brokerFolder?: string
  /** A broker that is not ours; without it the embedded one runs. */
  external?: ExternalBroker
  /** The embedded broker, where there is no other: in this thread or in its own. */
  openBroker: (plan: CloudBrokerPlan) => Promise<CloudBroker>
  /** Those that have no user of their own on the bus until this starts, such as this machine's. */
  agents: readonly BusAgent[]
}

export type BusEngine = {
  /** The embedded one. */
  broker: CloudBroker | undefined
  /** Of hosts; absent where all share one user of a broker that is not ours. */
  access: BusAccess | undefined
  /** The controller's. */
  login: { user: string; password: string; vhost: string }
  connect: () => Promise<Connection>
  close(): Promise<void>
}

export async function openBusEngine(plan: BusEnginePlan): Promise<BusEngine> {
  const engine = plan.external ? openExternal(plan, plan.external) : await openEmbedded(plan)
  const granting = engine.access && (await grantAgents(plan, engine.access))
  return {
    ...engine,
    async close() {
      granting?.stop()
      await engine.close()
    },
  }
}

/** A management API that is away for now doesn't keep the cloud from starting. */
async function grantAgents(
  { world, log, agents }: BusEnginePlan,
  access: BusAccess,
): Promise<{ stop(): void } | undefined> {
  try {
    for (const agent of agents) await access.grant(agent)
    return undefined
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'unavailable') throw error
    log.warn({ error: fullMessage(error) }, 'hosts cannot be given their rights on the bus yet; trying again')
    return grantSoon({ world, log }, access, agents)
  }
}

async function openEmbedded(plan: BusEnginePlan): Promise<BusEngine> {
  const { world, log, secrets, brokerFolder, openBroker } = plan
  const user = 'controller'
  const permissions = { '/': { configure: '.*', write: '.*', read: '.*' } }
  const broker = await openBroker({
    world,
    log: log.with({ service: 'broker' }),
    dataDir: brokerFolder,
    users: {
      [user]: { password: secrets['bus-controller'], permissions },
      nimbo: { password: secrets['bus-admin'], permissions, tags: ['administrator'] },
    },
  })
  return {
    broker,
    access: embeddedBusAccess(world, broker, [user]),
    login: { user, password: secrets['bus-controller'], vhost: '/' },
    connect: () => broker.connect(),
    close: () => broker.close(),
  }
}

function openExternal({ world, log }: BusEnginePlan, external: ExternalBroker): BusEngine {
  const { transport, management, authority } = external
  const { user, password, vhost } = transport
  if (!management)
    log.warn(
      { user },
      'cloud.transport_management_url is not set: all hosts share one user of the message bus, and each can do as another',
    )
  const http = httpClient({ ca: authority })
  const access = management && managementBusAccess({ world, http, ...management, vhost, controllers: [user] })
  return {
    broker: undefined,
    access,
    login: { user, password, vhost },
    connect: connectToAny(world, transport, { ca: authority }),
    close: async () => http.close(),
  }
}
