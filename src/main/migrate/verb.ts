// `nimbo mq migrate`: everything to a RabbitMQ, and the line by which the cloud uses it from then on.
import { type Api, openApi } from '#cli/mq/api.ts'
import { mqError } from '#cli/mq/exit.ts'
import type { Answer } from '#cli/mq/output.ts'
import { askSecret } from '#cli/mq/secret.ts'
import type { Call, MqVerb } from '#cli/mq/verb.ts'
import { connectToAny, parseTransportUrl, type Transport } from '#kit/bus/transport.ts'
import type { HttpClient } from '#kit/http/client.ts'
import type { World } from '#kit/world/world.ts'
import { type DrainedQueue, type End, migrate, readPlan } from './migrate.ts'
import type { Plan } from './plan.ts'

/** What is known of the source besides its API, where it is a cloud's own broker. */
export type SourceCloud = {
  /** Who signed its certificates, in PEM. */
  ca?: string
  /** How the cloud will keep its durable queues on a RabbitMQ. */
  queueType?: 'classic' | 'quorum'
}

export function migrateVerb(
  world: World,
  openHttp: (ca?: string) => HttpClient,
  cloud: () => SourceCloud,
): MqVerb {
  return {
    group: 'Cluster',
    summary: 'Carries everything over to a RabbitMQ: definitions, then messages; may be run again',
    usage:
      '--to amqp://USER@HOST[:PORT][,HOST …] [--to-management http://HOST:15672] [--to-ca FILE] [--from amqp://HOST:PORT] [--queue-type quorum|classic] [--dry-run]',
    words: [0, 0],
    options: {
      to: { type: 'string' },
      'to-management': { type: 'string' },
      'to-ca': { type: 'string' },
      from: { type: 'string' },
      'queue-type': { type: 'string' },
      'dry-run': { type: 'boolean' },
    },
    async run(call) {
      const { api, options, info } = call
      const transport = await targetOf(world, call)
      const authority =
        options['to-ca'] === undefined ? undefined : await world.files.readText(String(options['to-ca']))
      const http = openHttp(authority)
      const { user, password } = transport
      const url = (options['to-management'] as string | undefined) ?? usualManagement(transport)
      const target: End = {
        api: openApi(http, { url: withoutLogin(url), user, password }),
        connect: connectToAny(world, transport, { ca: authority }),
      }
      const source: End = { api, connect: await sourceConnect(world, call, cloud().ca) }
      await refuseSame(source.api, target.api)
      // Known before anything is changed.
      for (const { connect } of [source, target]) (await connect()).destroy()
      const plan = await readPlan(
        { source, target },
        queueType(options['queue-type'] ?? cloud().queueType) === 'quorum',
      )
      for (const line of describe(plan)) info(line)
      if (plan.conflicts.length > 0)
        throw mqError(
          'unavailable',
          ['The target has other things of the same name:', ...plan.conflicts].join('\n'),
        )
      if (options['dry-run'])
        return { lines: ['Nothing was changed.'], value: { ...plan, definitions: counts(plan) } }
      return await report(target.api, transport, await migrate({ world, source, target, info }, plan))
    },
  }
}

/** Without a word of either, queues stay what they are. */
function queueType(given: string | boolean | undefined): string | undefined {
  if (given === undefined || given === 'quorum' || given === 'classic') return given
  throw mqError('usage', '--queue-type is quorum or classic')
}

async function targetOf(world: World, { options, terminal }: Call): Promise<Transport> {
  const url = options.to as string | undefined
  if (url === undefined) throw mqError('usage', 'migrate needs --to amqp://USER@HOST')
  const login = /^([a-z+]+:\/\/)([^:@/]+)@/.exec(url)
  if (!login) return withVhosts(parseTransportUrl(url))
  const password =
    world.env.NIMBO_MQ_TO_PASSWORD ?? (await askSecret(terminal, `Password for ${login[2]} on the target: `))
  return withVhosts(
    parseTransportUrl(url.replace(login[0], `${login[1]}${login[2]}:${encodeURIComponent(password)}@`)),
  )
}

function withVhosts(transport: Transport): Transport {
  if (transport.vhost !== '/')
    throw mqError('usage', '--to names no virtual host: all of them are carried, under their own names')
  return transport
}

function usualManagement({ addresses, secure }: Transport): string {
  const { host } = addresses[0]!
  return `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${secure ? 15671 : 15672}`
}

function withoutLogin(url: string): string {
  if (!URL.canParse(url)) throw mqError('usage', '--to-management is no URL such as http://HOST:15672')
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

type Listener = { protocol: string; port: number; ip_address: string }
type Overview = { node: string; cluster_name: string; listeners?: Listener[] }

/** Where the source's management API says that AMQP is. */
async function sourceConnect(
  world: World,
  { api, options }: Call,
  ca: string | undefined,
): Promise<End['connect']> {
  const given = options.from as string | undefined
  if (given !== undefined) {
    const match = /^(amqps?):\/\/(.+)$/.exec(given)
    if (!match) throw mqError('usage', '--from is no URL such as amqp://HOST:5672')
    return connectToAny(world, parseTransportUrl(`${match[1]}://-:-@${match[2]}`), { ca })
  }
  // A cloud's broker also listens on a socket of this machine, which has no port.
  const listeners = ((await api.get<Overview>('overview')).listeners ?? []).filter(({ port }) => port > 0)
  const found =
    listeners.find(({ protocol }) => protocol === 'amqp') ??
    listeners.find(({ protocol }) => protocol === 'amqp/ssl')
  if (!found)
    throw mqError('unavailable', 'The source says of no port that it speaks AMQP: name it with --from')
  const host = new URL(api.login.url).hostname.replace(/^\[|\]$/g, '')
  return connectToAny(
    world,
    { addresses: [{ host, port: found.port }], secure: found.protocol !== 'amqp' },
    { ca },
  )
}

async function refuseSame(source: Api, target: Api): Promise<void> {
  const [one, other] = await Promise.all([source.get<Overview>('overview'), target.get<Overview>('overview')])
  const ports = ({ listeners = [] }: Overview) => listeners.map(({ port }) => port).join()
  if (one.node === other.node && one.cluster_name === other.cluster_name && ports(one) === ports(other))
    throw mqError('usage', 'source and target are the same broker.')
}

function counts({ definitions }: Plan): Record<string, number> {
  return Object.fromEntries(Object.entries(definitions).map(([name, list]) => [name, list.length]))
}

function describe(plan: Plan): string[] {
  const list = (title: string, lines: readonly string[]) =>
    lines.length > 0 ? [title, ...lines.map((line) => `  ${line}`)] : []
  return [
    'To be carried:',
    ...Object.entries(counts(plan)).map(([name, count]) => `  ${name}: ${count}`),
    `  operator_policies: ${plan.operatorPolicies.length}`,
    `  messages: about ${plan.messages}, in ${plan.queues.length} durable queues`,
    ...list('Replaced on the target:', plan.replaced),
    ...list('Not carried:', plan.left),
  ]
}

async function report(target: Api, transport: Transport, drained: readonly DrainedQueue[]): Promise<Answer> {
  const sum = (field: 'carried' | 'redelivered' | 'left') =>
    drained.reduce((total, each) => total + each[field], 0)
  const problems = drained.filter((each) => each.problem)
  const lines = [
    `${sum('carried')} messages were carried, in ${drained.filter((each) => each.carried > 0).length} queues.`,
    ...(sum('redelivered') > 0
      ? [
          `${sum('redelivered')} of them had been delivered before, and may be there twice after a move that was cut off.`,
        ]
      : []),
  ]
  if (problems.length > 0) {
    const why = problems.map(
      (each) => `  ${each.vhost} ${each.name}: ${each.left} left, ${each.problem!.message}`,
    )
    throw mqError('unavailable', [...lines, 'Not all was carried; run it again:', ...why].join('\n'))
  }
  return {
    lines: [
      ...lines,
      '',
      "Now in nimbo.yaml, and then 'nimbo down' and 'nimbo up':",
      '',
      'cloud:',
      `  transport_url: ${await transportLine(target, transport)}`,
      `  transport_management_url: ${target.login.url.replace('://', `://${encodeURIComponent(transport.user)}:PASSWORD@`).replace(/\/$/, '')}`,
    ],
    value: { carried: sum('carried'), redelivered: sum('redelivered'), queues: drained },
  }
}

/** All nodes of the cluster, by the hosts in their names, where there is more than one. */
async function transportLine(target: Api, { addresses, secure, user }: Transport): Promise<string> {
  const nodes = await target.get<{ name: string }[]>('nodes', { columns: 'name' })
  const { port } = addresses[0]!
  const hosts =
    nodes.length > 1
      ? nodes.map(({ name }) => `${name.split('@')[1]}:${port}`)
      : addresses.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`)
  return `${secure ? 'rabbit+tls' : 'rabbit'}://${encodeURIComponent(user)}:PASSWORD@${hosts.join(',')}/`
}
