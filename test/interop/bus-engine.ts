// The engine of a bus under test with a real port: the embedded broker, and, where NIMBO_RABBITMQ_URL and
// NIMBO_RABBITMQ_MANAGEMENT_URL name one, a RabbitMQ on a virtual host that lives as long as the test.
import { openBroker } from '#broker/broker.ts'
import { openManagement } from '#broker/management/management.ts'
import { parseTransportUrl, type Transport } from '#kit/bus/transport.ts'
import { httpClient } from '#kit/http/client.ts'
import { silentLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import type { Address } from '#kit/world/world.ts'
import { brokerHere } from '#main/broker-here.ts'
import { type BusEngine, type ExternalBroker, openBusEngine } from '#main/bus-engine.ts'
import { parseManagementUrl } from '#main/transport.ts'

export type EngineUnderTest = {
  readonly engine: BusEngine
  /** As whoever stands outside reaches it. */
  readonly transport: Transport
  readonly durableQueueType: 'classic' | 'quorum'
  /** Of one that is reached as if it were somebody else's. */
  readonly external?: ExternalBroker
  close(): Promise<void>
}

export const world = realWorld()

/** Undefined where none is named. */
export function namedRabbit(): ExternalBroker | undefined {
  const { NIMBO_RABBITMQ_URL: url, NIMBO_RABBITMQ_MANAGEMENT_URL: management } = process.env
  if (!url || !management) return undefined
  return {
    transport: parseTransportUrl(url),
    durableQueueType: process.env.NIMBO_RABBITMQ_QUEUES === 'classic' ? 'classic' : 'quorum',
    management: parseManagementUrl(management),
  }
}

export async function embeddedEngine(): Promise<EngineUnderTest> {
  const engine = await openBusEngine({
    world,
    log: silentLog,
    secrets: { 'bus-controller': 'controller', 'bus-admin': 'admin' },
    agents: [],
    openBroker: brokerHere,
  })
  const { address } = await engine.broker!.listen({
    protocol: 'amqp',
    address: { host: '127.0.0.1', port: 0 },
  })
  const { login } = engine
  return {
    engine,
    transport: { addresses: [address as { host: string; port: number }], secure: false, ...login },
    durableQueueType: 'classic',
    close: () => engine.close(),
  }
}

/** Our broker as if it were somebody else's: reached by its ports, its users given by its management API. */
export async function standaloneEngine(): Promise<EngineUnderTest> {
  const admin = { user: 'admin', password: 'admin' }
  const all = { configure: '.*', write: '.*', read: '.*' }
  const users = { admin: { password: admin.password, permissions: { '/': all }, tags: ['administrator'] } }
  const broker = await openBroker({ world, log: silentLog, users })
  const management = openManagement({ world, log: silentLog, broker, version: 'test' })
  const anywhere = { host: '127.0.0.1', port: 0 }
  const portOf = ({ address }: { address: Address }) => ('port' in address ? address.port : 0)
  const amqp = portOf(await broker.listen(anywhere))
  const http = portOf(await management.listen(anywhere))
  const engine = await rabbitEngine({
    transport: { addresses: [{ host: '127.0.0.1', port: amqp }], secure: false, ...admin, vhost: '/' },
    durableQueueType: 'quorum',
    management: { urls: [`http://127.0.0.1:${http}`], ...admin },
  })
  return {
    ...engine,
    async close() {
      await engine.close()
      await management.close()
      await broker.close()
    },
  }
}

export async function rabbitEngine(named: ExternalBroker): Promise<EngineUnderTest> {
  const { external, drop } = await ownVhost(named)
  const engine = await openBusEngine({
    world,
    log: silentLog,
    secrets: { 'bus-controller': '', 'bus-admin': '' },
    agents: [],
    openBroker: brokerHere,
    external,
  })
  return {
    engine,
    transport: external.transport,
    durableQueueType: external.durableQueueType,
    external,
    async close() {
      await engine.close()
      await drop()
    },
  }
}

/** A new virtual host of the RabbitMQ, in which the transport's user may do everything. */
export async function ownVhost(
  named: ExternalBroker,
): Promise<{ external: ExternalBroker; drop(users?: readonly string[]): Promise<void> }> {
  const { urls, user, password } = named.management!
  const vhost = `test-${world.random.hexId()}`
  const http = httpClient()
  const headers = { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
  const ask = async (method: string, path: string, body?: object) => {
    const answer = await http.request({ method, url: `${urls[0]}/api/${path}`, headers, body })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status}`)
  }
  await ask('PUT', `vhosts/${vhost}`)
  const all = { configure: '.*', write: '.*', read: '.*' }
  await ask('PUT', `permissions/${vhost}/${encodeURIComponent(named.transport.user)}`, all)
  return {
    external: { ...named, transport: { ...named.transport, vhost } },
    async drop(users = []) {
      await ask('DELETE', `vhosts/${vhost}`)
      for (const name of users) await ask('DELETE', `users/${encodeURIComponent(name)}`)
      http.close()
    },
  }
}
