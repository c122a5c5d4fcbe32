// The brokers that the parity tests run on: ours, and a real RabbitMQ where NIMBO_RABBITMQ_URL names one
// (amqp://guest:guest@127.0.0.1:5672) with its management API at NIMBO_RABBITMQ_MANAGEMENT_URL.
import { setPolicy } from '#broker/admin/set-policy.ts'
import { openBroker } from '#broker/broker.ts'
import { everything } from '#broker/test-broker.ts'
import type { ClientChannel, Delivered } from '#kit/amqp/client/channel.ts'
import { type ClientConnection, connectAmqp } from '#kit/amqp/client/connection.ts'
import type { MethodInput } from '#kit/amqp/methods.ts'
import { silentLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'

export type Rights = { configure: string; write: string; read: string }
export type TopicRights = Record<string, { write: string; read: string }>

export type ParityBroker = {
  connect(user?: string, password?: string): Promise<ClientConnection>
  /** On a connection of its own. */
  channel(): Promise<ClientChannel>
  /** Undefined where the broker can't be administered from here. */
  admin:
    | {
        user(
          name: string,
          password: string,
          rights: Rights,
          topics?: TopicRights,
          tags?: string,
        ): Promise<void>
        policy(
          name: string,
          pattern: string,
          definition: Record<string, string | number>,
          priority?: number,
        ): Promise<void>
        dropPolicy(name: string): Promise<void>
      }
    | undefined
  close(): Promise<void>
}

const world = realWorld()

export const parityBrokers: [name: string, open: () => Promise<ParityBroker>][] = [['ours', ours]]
const { NIMBO_RABBITMQ_URL: rabbitUrl, NIMBO_RABBITMQ_MANAGEMENT_URL: managementUrl } = process.env
if (rabbitUrl) parityBrokers.push(['RabbitMQ', () => rabbit(new URL(rabbitUrl))])

async function ours(): Promise<ParityBroker> {
  const users = { parity: { password: 'a secret', permissions: { '/': everything } } }
  const broker = await openBroker({ world, log: silentLog, users })
  const { address } = await broker.listen({ host: '127.0.0.1', port: 0 })
  const { port } = address as { port: number }
  return {
    ...connector(port, 'parity', 'a secret'),
    admin: {
      async user(name, password, rights, topics = {}, tags = '') {
        const topicPermissions = { '/': topics }
        broker.setUser(name, {
          password,
          permissions: { '/': rights },
          topicPermissions,
          tags: tags.split(','),
        })
      },
      policy: async (name, pattern, definition, priority = 1) =>
        void setPolicy(broker.registry, 'policy', '/', name, { pattern, definition, priority }),
      async dropPolicy(name) {
        const vhost = broker.vhosts.get('/')!
        vhost.policies.delete(name)
        vhost.applyPolicies()
      },
    },
    close: () => broker.close(),
  }
}

async function rabbit(url: URL): Promise<ParityBroker> {
  const { username, password } = url
  const put = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${managementUrl}/api/${path}`, {
      method,
      body: JSON.stringify(body),
      headers: { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` },
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  }
  return {
    ...connector(Number(url.port || 5672), decodeURIComponent(username), decodeURIComponent(password)),
    admin: managementUrl
      ? {
          async user(name, secret, rights, topics = {}, tags = '') {
            await put('PUT', `users/${name}`, { password: secret, tags })
            await put('PUT', `permissions/%2F/${name}`, rights)
            for (const [exchange, each] of Object.entries(topics))
              await put('PUT', `topic-permissions/%2F/${name}`, { exchange, ...each })
          },
          policy: (name, pattern, definition, priority = 1) =>
            put('PUT', `policies/%2F/${name}`, { pattern, definition, priority }),
          dropPolicy: (name) => put('DELETE', `policies/%2F/${name}`),
        }
      : undefined,
    close: async () => {},
  }
}

function connector(port: number, user: string, password: string) {
  const open: ClientConnection[] = []
  const connect = async (asUser = user, withPassword = password) => {
    const stream = await world.sockets.connect({ host: '127.0.0.1', port })
    stream.setNoDelay?.(true)
    const account = { user: asUser, password: withPassword, vhost: '/', name: 'parity' }
    const connection = await connectAmqp({ world, stream, ...account })
    open.push(connection)
    return connection
  }
  return { connect, channel: async () => (await connect()).openChannel() }
}

export type Got = Delivered & { text: string }

/** What is in a queue now, taken out of it; nothing else may be publishing to it. */
export async function drain(channel: ClientChannel, queue: string): Promise<Got[]> {
  const got: Got[] = []
  const tag = `drain-${queue}-${world.random.hexId()}`
  const end = world.random.hexId()
  await new Promise<void>((resolve, reject) => {
    const take = (message: Delivered) => {
      if (message.properties.messageId === end) resolve()
      else got.push({ ...message, text: message.body.toString() })
    }
    channel.consume(queue, tag, { noAck: true }, take, () => reject(new Error('cancelled'))).catch(reject)
    channel.publish('', queue, { messageId: end }, Buffer.alloc(0)).catch(reject)
  })
  await channel.cancel(tag)
  return got
}

export const texts = (messages: Got[]): string[] => messages.map(({ text }) => text)

/** A new exclusive queue with the bindings named; gone with its connection. */
export async function queue(
  channel: ClientChannel,
  bindings: [exchange: string, routingKey: string, table?: MethodInput<'queue.bind'>['arguments']][] = [],
  table: MethodInput<'queue.declare'>['arguments'] = {},
): Promise<string> {
  const { queue: name } = await channel.ask('queue.declare', { exclusive: true, arguments: table })
  for (const [exchange, routingKey, wanted] of bindings)
    await channel.ask('queue.bind', { queue: name, exchange, routingKey, arguments: wanted })
  return name
}

let exchanges = 0
/** A new auto-delete exchange: gone once its last binding is. */
export async function exchange(
  channel: ClientChannel,
  type: string,
  fields: MethodInput<'exchange.declare'> = {},
): Promise<string> {
  const name = `parity.${world.random.hexId()}.${++exchanges}`
  await channel.ask('exchange.declare', { exchange: name, type, autoDelete: true, ...fields })
  return name
}

/** Does something wrong on a channel of its own connection; gives what the broker closed which of them with. */
export async function refusal(
  { connect }: ParityBroker,
  act: (channel: ClientChannel) => unknown,
  account: [user?: string, password?: string] = [],
): Promise<string> {
  const connection = await connect(...account)
  const channel = await connection.openChannel()
  const closed = new Promise<Error>((resolve) => {
    channel.onClosed = resolve
  })
  try {
    await act(channel)
  } catch {
    // The rejection of the question itself is the same error.
  }
  // Whatever was refused closes the channel before this is answered.
  await channel.ask('basic.qos', {}).catch(() => {})
  channel.onClosed(new Error('nothing'))
  const { message, scope } = (await closed) as Error & { scope?: string }
  await connection.close()
  return scope === undefined ? message : `${scope}: ${message}`
}
