// Brokers with their management API for the interop tests: ours, and a real RabbitMQ where NIMBO_RABBITMQ_URL
// (amqp://guest:guest@127.0.0.1:5672) and NIMBO_RABBITMQ_MANAGEMENT_URL (http://guest:guest@127.0.0.1:15672) name one.
import { openBroker } from '#broker/broker.ts'
import { openManagement } from '#broker/management/management.ts'
import { everything } from '#broker/test-broker.ts'
import type { ClientChannel } from '#kit/amqp/client/channel.ts'
import { type ClientConnection, connectAmqp } from '#kit/amqp/client/connection.ts'
import { silentLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'

export type ManagedBroker = {
  /** With user and password in it. */
  url: URL
  amqp: { host: string; port: number }
  close(): Promise<void>
}

const world = realWorld()

export async function ourManagedBroker(): Promise<ManagedBroker> {
  const users = {
    operator: { password: 'a secret', permissions: { '/': everything }, tags: ['administrator'] },
  }
  const broker = await openBroker({ world, log: silentLog, users })
  const management = openManagement({ world, log: silentLog, broker, version: '1' })
  const at = { host: '127.0.0.1', port: 0 }
  const { address } = await management.listen(at)
  const listener = await broker.listen(at)
  return {
    url: new URL(`http://operator:a%20secret@127.0.0.1:${(address as { port: number }).port}`),
    amqp: listener.address as { host: string; port: number },
    async close() {
      await management.close()
      await broker.close()
    },
  }
}

export const managedBrokers: [name: string, open: () => Promise<ManagedBroker>][] = [
  ['ours', ourManagedBroker],
]
const { NIMBO_RABBITMQ_URL: amqpUrl, NIMBO_RABBITMQ_MANAGEMENT_URL: managementUrl } = process.env
if (amqpUrl && managementUrl) {
  const { hostname, port } = new URL(amqpUrl)
  const url = new URL(managementUrl)
  if (!url.username) [url.username, url.password] = [new URL(amqpUrl).username, new URL(amqpUrl).password]
  const amqp = { host: hostname, port: Number(port || 5672) }
  managedBrokers.push(['RabbitMQ', async () => ({ url, amqp, close: async () => {} })])
}

/** The management API; throws where it refuses. */
export async function ask(broker: ManagedBroker, method: string, path: string, body?: unknown) {
  const { username, password, origin } = broker.url
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const answer = await fetch(`${origin}/api/${path}`, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: {
      authorization: `Basic ${Buffer.from(login).toString('base64')}`,
      'content-type': 'application/json',
    },
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

/** As the administrator unless told otherwise. */
export async function connect(
  broker: ManagedBroker,
  vhost: string,
  account = {
    user: decodeURIComponent(broker.url.username),
    password: decodeURIComponent(broker.url.password),
  },
): Promise<ClientConnection> {
  const stream = await world.sockets.connect(broker.amqp)
  stream.setNoDelay?.(true)
  return connectAmqp({ world, stream, ...account, vhost, name: 'parity' })
}

export async function openChannel(broker: ManagedBroker, vhost: string): Promise<ClientChannel> {
  const channel = await (await connect(broker, vhost)).openChannel()
  await channel.confirmPublishing()
  return channel
}
