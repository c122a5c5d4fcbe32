// `nimbo mq …`: rabbitmqctl's verbs for the cloud's broker, or for any other that has the management API.
import { type Login, openApi } from '#cli/mq/api.ts'
import { mqError } from '#cli/mq/exit.ts'
import { runMq } from '#cli/mq/run.ts'
import { askSecret } from '#cli/mq/secret.ts'
import { mqVerbs } from '#cli/mq/verbs.ts'
import { httpClient } from '#kit/http/client.ts'
import { readCloud } from '../data-folder.ts'
import type { Invocation, Verb } from '../verb.ts'

export const mq: Verb = {
  summary: "Administers the message broker with rabbitmqctl's verbs: 'nimbo mq help'",
  words: 'COMMAND …',
  raw: true,
  async run(invocation) {
    const { world, terminal, words } = invocation
    const http = httpClient()
    try {
      return await runMq(
        {
          world,
          terminal,
          verbs: mqVerbs,
          open: async (options, timeoutMs) => openApi(http, await loginFor(invocation, options), timeoutMs),
        },
        words,
      )
    } finally {
      http.close()
    }
  },
}

type Options = Record<string, string | boolean | undefined>

/** Another broker by --url, else the cloud's own with the credentials of its folder. */
async function loginFor({ world, terminal, root }: Invocation, options: Options): Promise<Login> {
  const { env } = world
  const url = (options.url as string | undefined) ?? env.NIMBO_MQ_URL
  if (url === undefined) {
    if (options.user !== undefined) throw mqError('usage', '--user goes with --url')
    const cloud = await readCloud(world, root)
    const { publicHost } = cloud.settings
    return {
      url: `http://${publicHost}:${cloud.ports.amqpManagement}`,
      user: 'nimbo',
      password: cloud.secrets['bus-admin'],
    }
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    throw mqError('usage', `--url ${url} is no URL such as http://HOST:15672`)
  const user =
    (options.user as string | undefined) ?? env.NIMBO_MQ_USER ?? decodeURIComponent(parsed.username)
  if (user === '') throw mqError('usage', '--url goes with --user')
  const inUrl = decodeURIComponent(parsed.password)
  const password = env.NIMBO_MQ_PASSWORD ?? (inUrl || (await askSecret(terminal, `Password for ${user}: `)))
  return { url: `${parsed.origin}${parsed.pathname}`, user, password }
}
