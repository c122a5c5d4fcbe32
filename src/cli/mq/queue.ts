// Emptying and deleting a queue, and closing connections.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type Api, at } from './api.ts'
import { mqError } from './exit.ts'
import type { MqVerb } from './verb.ts'

type Queue = { messages?: number; messages_ready?: number; consumers?: number }
type Connection = { name: string; vhost: string; user: string }

export const operationVerbs: Record<string, MqVerb> = {
  purge_queue: {
    group: 'Queues',
    summary: 'Purges a queue (removes all messages in it)',
    usage: '[--vhost <vhost>] <queue>',
    words: [1, 1],
    async run({ api, vhost, words: [name], info }) {
      info(`Purging queue '${name}' in vhost '${vhost}' ...`)
      if (!(await api.find(at`queues/${vhost}/${name!}`))) throw mqError('unavailable', 'not_found')
      await api.remove(at`queues/${vhost}/${name!}/contents`)
      return undefined
    },
  },
  delete_queue: {
    group: 'Queues',
    summary: 'Deletes a queue',
    usage: '[--vhost <vhost>] <queue_name> [--if-empty|-e] [--if-unused|-u]',
    words: [1, 1],
    options: { 'if-empty': { type: 'boolean', short: 'e' }, 'if-unused': { type: 'boolean', short: 'u' } },
    async run({ api, vhost, words: [name], options, info }) {
      const { 'if-empty': empty, 'if-unused': unused } = options
      const conditions = [empty && 'queue is empty ', unused && 'queue is unused '].filter(Boolean)
      const when = conditions.length > 0 ? `if ${conditions.join('and if ')}` : ''
      info(`Deleting queue '${name}' on vhost '${vhost}' ${when}...`)
      const path = at`queues/${vhost}/${name!}`
      const queue = await api.find<Queue>(path)
      if (!queue) throw mqError('refused', 'Queue not found')
      try {
        await api.remove(path, { query: { 'if-empty': empty, 'if-unused': unused } })
      } catch (error) {
        if (!(error instanceof CloudError) || error.kind !== 'badRequest') throw error
        if (unused && /in use/.test(error.message)) throw mqError('refused', 'Queue is in use')
        if (empty && /not empty/.test(error.message)) throw mqError('refused', 'Queue is not empty')
        throw error
      }
      return { lines: [`Queue was successfully deleted with ${queue.messages ?? 0} ready messages`] }
    },
  },
  close_connection: {
    group: 'Operations',
    summary: 'Closes a connection, which list_connections shows as pid or name',
    usage: '<connection> <explanation>',
    words: [2, 2],
    async run({ api, words: [name, reason], info }) {
      info(`Closing connection ${name}, reason: ${reason}...`)
      await close(api, name!, reason!)
      return undefined
    },
  },
  close_all_connections: {
    group: 'Operations',
    summary: 'Closes all connections of a vhost, or all that there are',
    usage: '[--vhost <vhost> --limit <limit>] [--global] [--per-connection-delay <delay>] <explanation>',
    words: [1, 1],
    options: {
      limit: { type: 'string' },
      global: { type: 'boolean' },
      'per-connection-delay': { type: 'string' },
    },
    async run({ api, world, vhost, words: [reason], options, info }) {
      const where = options.global ? '' : ` in vhost ${vhost}`
      info(`Closing all connections${where}, reason: ${reason}...`)
      const limit = wholeNumber(options.limit, '--limit') || Number.POSITIVE_INFINITY
      const delay = wholeNumber(options['per-connection-delay'], '--per-connection-delay')
      const found = await connectionsOf(api, (each) => options.global === true || each.vhost === vhost)
      const chosen = found.slice(0, limit)
      for (const [index, { name }] of chosen.entries()) {
        if (index > 0 && delay > 0) await world.timers.sleep(delay)
        await close(api, name, reason!, true)
      }
      return { lines: [`Closed ${chosen.length} connections`] }
    },
  },
  close_all_user_connections: {
    group: 'Operations',
    summary: 'Closes all connections of a user',
    usage: '<username> <explanation>',
    words: [2, 2],
    async run({ api, words: [user, reason], info }) {
      info(`Closing connections of user ${user}, reason: ${reason}...`)
      const chosen = await connectionsOf(api, (each) => each.user === user)
      for (const { name } of chosen) await close(api, name, reason!, true)
      return { lines: [`Closed ${chosen.length} connections`] }
    },
  },
}

async function connectionsOf(api: Api, chosen: (each: Connection) => boolean): Promise<Connection[]> {
  return (await api.get<Connection[]>('connections', { columns: 'name,vhost,user' })).filter(chosen)
}

/** With `gone`, one that has ended by itself meanwhile is fine. */
async function close(api: Api, name: string, reason: string, gone = false): Promise<void> {
  try {
    await api.remove(at`connections/${name}`, { headers: { 'x-reason': reason } })
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'notFound') throw error
    if (!gone) throw mqError('unavailable', `There is no connection '${name}'`)
  }
}

function wholeNumber(text: string | boolean | undefined, name: string): number {
  if (text === undefined) return 0
  if (!/^\d+$/.test(String(text))) throw mqError('badArgument', `${name} ${text} is not a whole number`)
  return Number(text)
}
