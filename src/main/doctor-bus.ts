// Whether the RabbitMQ that a cloud is to run on lets it in, and lets it give hosts users of their own.
import { connectAmqp } from '#kit/amqp/client/connection.ts'
import { AmqpError } from '#kit/amqp/error.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import { httpClient } from '#kit/http/client.ts'
import type { World } from '#kit/world/world.ts'
import type { ExternalBroker } from './bus-engine.ts'
import type { Finding } from './doctor.ts'

const patienceMs = 4_000

export async function busFindings(world: World, external: ExternalBroker): Promise<Finding[]> {
  return [await brokerFinding(world, external), await managementFinding(external)]
}

async function brokerFinding(world: World, external: ExternalBroker): Promise<Finding> {
  const { addresses } = external.transport
  const answers = await Promise.all(
    addresses.map(async (address) => ({
      shown: `${address.host}:${address.port}`,
      problem: await problemAt(world, external, address),
    })),
  )
  const good = answers.filter(({ problem }) => problem === undefined).map(({ shown }) => shown)
  if (good.length === addresses.length)
    return { check: 'bus', state: 'ok', text: `the message broker answers at ${good.join(', ')}` }
  const bad = answers.flatMap(({ shown, problem }) => (problem === undefined ? [] : [`${shown}: ${problem}`]))
  return {
    check: 'bus',
    state: good.length > 0 ? 'warning' : 'problem',
    text: `${good.length > 0 ? 'Some nodes of the message broker are' : 'The message broker is'} not usable: ${bad.join('; ')}`,
    remedy: "Look at cloud.transport_url, and at 'rabbitmqctl list_permissions' on a node.",
  }
}

/** Logs in as the cloud will; undefined where it may. */
async function problemAt(
  world: World,
  { transport, authority }: ExternalBroker,
  address: { host: string; port: number },
): Promise<string | undefined> {
  const { user, password, vhost, secure } = transport
  try {
    const stream = await world.sockets.connect(address, {
      timeoutMs: patienceMs,
      ...(secure && { tls: { ca: authority } }),
    })
    const connection = await connectAmqp({ world, stream, user, password, vhost, name: 'nimbo doctor' })
    await connection.close()
    return undefined
  } catch (thrown) {
    return thrown instanceof AmqpError ? thrown.message.slice(0, 200) : fullMessage(thrown)
  }
}

async function managementFinding({ management, authority, transport }: ExternalBroker): Promise<Finding> {
  if (!management)
    return {
      check: 'bus',
      state: 'warning',
      text: `All hosts share user ${transport.user} of the message bus: each can read and write what is another's, and no host can join.`,
      remedy: 'Set cloud.transport_management_url to the management API, with a user who is administrator.',
    }
  const { urls, user, password } = management
  const http = httpClient({ ca: authority })
  const headers = { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
  try {
    for (const url of urls) {
      const request = { method: 'GET', url: `${url}/api/whoami`, headers, timeoutMs: patienceMs }
      // The next one may be there.
      const answer = await http.request(request).catch(() => undefined)
      if (!answer) continue
      const tags = (answer.body as { tags?: string | string[] } | undefined)?.tags ?? []
      const words = typeof tags === 'string' ? tags.split(',') : tags
      if (answer.status === 200 && words.includes('administrator'))
        return { check: 'bus', state: 'ok', text: `hosts get users of their own at ${url}` }
      return {
        check: 'bus',
        state: 'problem',
        text:
          answer.status === 200
            ? `User ${user} of the broker's management API is no administrator.`
            : `The broker's management API at ${url} answers ${answer.status} to user ${user}.`,
        remedy: `rabbitmqctl set_user_tags ${user} administrator, or another user in cloud.transport_management_url.`,
      }
    }
  } finally {
    http.close()
  }
  return {
    check: 'bus',
    state: 'warning',
    text: `The broker's management API does not answer at ${urls.join(', ')}: new hosts get no users until it does.`,
    remedy: "Enable it on the nodes: 'rabbitmq-plugins enable rabbitmq_management'.",
  }
}
