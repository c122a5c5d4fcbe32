// `nimbo token`: tokens by which other hosts join this cloud.
import { createToken, formatTokens, listTokens, revokeToken } from '#cli/host.ts'
import { formatDuration, parseDuration } from '#kit/config/option.ts'
import type { Cloud } from '../data-folder.ts'
import { usualPorts } from '../port.ts'
import { type Invocation, usageError, type Verb } from '../verb.ts'
import { asAdmin } from './admin.ts'

const usage =
  "Say 'nimbo token create [--ttl 1h] [--host NAME]', 'nimbo token list' or 'nimbo token revoke ID'."

export const token: Verb = {
  summary: 'Tokens by which other hosts join: create, list, revoke',
  words: 'create|list|revoke [ID]',
  options: {
    ttl: { type: 'string', value: 'TIME', help: 'How long it holds: 10m, 1h (the default), 1d' },
    host: { type: 'string', value: 'NAME', help: 'Only for the host of this name' },
    json: { type: 'boolean', help: 'For programs' },
  },
  async run(invocation) {
    const [what, id, ...more] = invocation.words
    if (what === 'create' && id === undefined) return create(invocation)
    if (what === 'list' && id === undefined) return list(invocation)
    if (what === 'revoke' && id !== undefined && more.length === 0) return revoke(invocation, id)
    throw usageError(usage)
  },
}

async function create(invocation: Invocation): Promise<number> {
  const { options, terminal } = invocation
  const ttl = options.ttl === undefined ? undefined : secondsOf(options.ttl as string)
  const host = options.host as string | undefined
  return asAdmin(invocation, async (session, cloud) => {
    const made = await createToken(session, { ttl, host })
    const command = `nimbo join ${joinAddress(cloud)} --token ${made.token}`
    if (options.json) {
      const { id, token, expires_at } = made
      terminal.print(JSON.stringify({ id, token, command, expires_at }, null, 2))
      return 0
    }
    const lasts = formatDuration(Date.parse(made.expires_at) - Date.parse(made.created_at))
    terminal.say(
      `On the other host, within ${lasts}; the token holds for one host${host ? `, ${host}` : ''}:`,
    )
    terminal.print(command)
    return 0
  })
}

/** With the port where it isn't the usual one. */
function joinAddress({ settings, ports }: Cloud): string {
  const { publicHost } = settings
  if (ports.hosts === usualPorts.hosts) return publicHost
  return `${publicHost.includes(':') ? `[${publicHost}]` : publicHost}:${ports.hosts}`
}

function list(invocation: Invocation): Promise<number> {
  return asAdmin(invocation, async (session) => {
    const tokens = await listTokens(session)
    if (invocation.options.json) invocation.terminal.print(JSON.stringify({ join_tokens: tokens }, null, 2))
    else for (const line of formatTokens(tokens)) invocation.terminal.print(line)
    return 0
  })
}

function revoke(invocation: Invocation, id: string): Promise<number> {
  return asAdmin(invocation, async (session) => {
    await revokeToken(session, id)
    invocation.terminal.print(`The join token ${id} holds no longer.`)
    return 0
  })
}

function secondsOf(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms < 60_000 || ms > 7 * 86_400_000)
    throw usageError(`--ttl takes a time from 1m to 7d, such as 30m or 2h, not '${text}'.`)
  return Math.round(ms / 1000)
}
