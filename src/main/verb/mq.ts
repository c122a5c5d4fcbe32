// `nimbo mq …`: rabbitmqctl's verbs for the cloud's broker, or for any other that has the management API.
import { type Login, openApi } from '#cli/mq/api.ts'
import { mqError } from '#cli/mq/exit.ts'
import { runMq } from '#cli/mq/run.ts'
import { askSecret } from '#cli/mq/secret.ts'
import { mqVerbs } from '#cli/mq/verbs.ts'
import { type HttpClient, httpClient } from '#kit/http/client.ts'
import { originOf, ownAddress, trustedAuthority } from '../api.ts'
import { readCloud } from '../data-folder.ts'
import { migrateVerb, type SourceCloud } from '../migrate/verb.ts'
import { externalBroker } from '../transport.ts'
import type { Invocation, Verb } from '../verb.ts'

export const mq: Verb = {
  summary: "Administers the message broker with rabbitmqctl's verbs: 'nimbo mq help'",
  words: 'COMMAND …',
  raw: true,
  async run(invocation) {
    const { world, terminal, words } = invocation
    const opened: HttpClient[] = []
    const openHttp = (ca?: string) => {
      const http = httpClient({ ca })
      opened.push(http)
      return http
    }
    let source: SourceCloud = {}
    try {
      return await runMq(
        {
          world,
          terminal,
          verbs: { ...mqVerbs, migrate: migrateVerb(world, openHttp, () => source) },
          async open(options, timeoutMs) {
            const { login, ...about } = await brokerFor(invocation, options)
            source = about
            return openApi(openHttp(about.ca), login, timeoutMs)
          },
        },
        words,
      )
    } finally {
      for (const http of opened) http.close()
    }
  },
}

type Options = Record<string, string | boolean | undefined>
type Target = SourceCloud & { login: Login }

/** Another broker by --url, else the cloud's own with what its folder knows. */
async function brokerFor(invocation: Invocation, options: Options): Promise<Target> {
  const { world, terminal } = invocation
  const { env } = world
  const url = (options.url as string | undefined) ?? env.NIMBO_MQ_URL
  if (url === undefined) {
    if (options.user !== undefined) throw mqError('usage', '--user goes with --url')
    return cloudBroker(invocation)
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    throw mqError('usage', '--url is no URL such as http://HOST:15672')
  const user =
    (options.user as string | undefined) ?? env.NIMBO_MQ_USER ?? decodeURIComponent(parsed.username)
  if (user === '') throw mqError('usage', '--url goes with --user')
  const inUrl = decodeURIComponent(parsed.password)
  const password = env.NIMBO_MQ_PASSWORD ?? (inUrl || (await askSecret(terminal, `Password for ${user}: `)))
  const ca = env.NIMBO_MQ_CACERT ? await world.files.readText(env.NIMBO_MQ_CACERT) : undefined
  return { login: { url: `${parsed.origin}${parsed.pathname}`, user, password }, ca }
}

async function cloudBroker({ world, root }: Invocation): Promise<Target> {
  const cloud = await readCloud(world, root)
  const { settings, ports, secrets } = cloud
  if (cloud.member)
    throw mqError(
      'unavailable',
      `${root} belongs to a host that joined a cloud: the message bus is administered on its controller.`,
    )
  const external = await externalBroker(world, settings)
  if (external) {
    const { management, authority } = external
    if (!management)
      throw mqError(
        'unavailable',
        'This cloud is on a RabbitMQ, and cloud.transport_management_url does not say where its management API is.',
      )
    const { urls, user, password } = management
    return { login: { url: urls[0]!, user, password }, ca: authority }
  }
  if (!settings.busManagement)
    throw mqError(
      'unavailable',
      `The broker's management is off: take cloud.bus_management out of ${cloud.folder.config}, then 'nimbo down' and 'nimbo up'.`,
    )
  return {
    login: {
      url: originOf(settings, ownAddress(settings.listen), ports.amqpManagement),
      user: 'nimbo',
      password: secrets['bus-admin'],
    },
    ca: await trustedAuthority(world, cloud),
    queueType: settings.durableQueueType,
  }
}
