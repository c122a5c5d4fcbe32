// What is in a virtual host and who is connected: queues, exchanges, bindings, connections, channels, consumers.
// Columns are rabbitmqctl's; where the management API calls a thing otherwise, the table says how.
import { type Api, at } from './api.ts'
import { requireVhost } from './permission.ts'
import type { Call, MqVerb } from './verb.ts'

type Listed = Record<string, unknown>

type Listing = {
  /** In rabbitmqctl's order; a text is the API's own path to it, undefined that the API doesn't tell. */
  columns: Record<string, string | undefined>
  usual: readonly string[]
}

const same = (...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, name]))

const queues: Listing = {
  columns: {
    ...same('name', 'durable', 'auto_delete', 'arguments', 'policy'),
    ...{ pid: undefined, owner_pid: 'owner_pid_details.name', exclusive: 'exclusive' },
    ...{ exclusive_consumer_pid: undefined, exclusive_consumer_tag: 'exclusive_consumer_tag' },
    ...same('messages_ready', 'messages_unacknowledged', 'messages', 'messages_ready_ram'),
    ...same('messages_unacknowledged_ram', 'messages_ram', 'messages_persistent', 'message_bytes'),
    ...same('message_bytes_ready', 'message_bytes_unacknowledged', 'message_bytes_ram'),
    ...same('message_bytes_persistent', 'head_message_timestamp', 'consumers', 'consumer_utilisation'),
    ...{ disk_reads: 'message_stats.disk_reads', disk_writes: 'message_stats.disk_writes' },
    ...same('consumer_capacity', 'memory', 'state', 'type', 'leader', 'members', 'online'),
    ...{ slave_pids: 'slave_nodes', synchronised_slave_pids: 'synchronised_slave_nodes' },
  },
  usual: ['name', 'messages'],
}

const exchanges: Listing = {
  columns: same('name', 'type', 'durable', 'auto_delete', 'internal', 'arguments', 'policy'),
  usual: ['name', 'type'],
}

const bindings: Listing = {
  columns: {
    ...{ source_name: 'source', source_kind: 'source_kind', destination_name: 'destination' },
    ...{ destination_kind: 'destination_type', routing_key: 'routing_key', arguments: 'arguments' },
  },
  usual: ['source_name', 'source_kind', 'destination_name', 'destination_kind', 'routing_key', 'arguments'],
}

const connections: Listing = {
  columns: {
    // By its name a connection is closed over the API, as by its process id in rabbitmqctl.
    pid: 'name',
    ...same('name', 'host', 'port', 'peer_host', 'peer_port', 'ssl', 'ssl_protocol', 'ssl_key_exchange'),
    ...same('ssl_cipher', 'ssl_hash', 'peer_cert_subject', 'peer_cert_issuer', 'peer_cert_validity', 'state'),
    ...same('channels', 'protocol', 'auth_mechanism', 'user', 'vhost', 'timeout', 'frame_max', 'channel_max'),
    ...same('client_properties', 'recv_oct', 'recv_cnt', 'send_oct', 'send_cnt', 'send_pend', 'connected_at'),
  },
  usual: ['user', 'peer_host', 'peer_port', 'state'],
}

const channels: Listing = {
  columns: {
    ...{ pid: 'name', connection: 'connection_details.name' },
    ...same('name', 'number', 'user', 'vhost', 'transactional', 'confirm', 'consumer_count'),
    ...same('messages_unacknowledged', 'messages_uncommitted', 'acks_uncommitted', 'messages_unconfirmed'),
    ...same('prefetch_count', 'global_prefetch_count'),
  },
  usual: ['pid', 'user', 'consumer_count', 'messages_unacknowledged'],
}

const consumers: Listing = {
  columns: {
    ...{ queue_name: 'queue.name', channel_pid: 'channel_details.name' },
    ...same('consumer_tag', 'ack_required', 'prefetch_count', 'active', 'activity_status', 'arguments'),
  },
  usual: [
    'queue_name',
    'channel_pid',
    'consumer_tag',
    'ack_required',
    'prefetch_count',
    'active',
    'arguments',
  ],
}

function listVerb(
  listing: Listing,
  summary: string,
  scoped: boolean,
  find: (call: Call, columns: readonly string[]) => Promise<Listed[]>,
  more: Partial<MqVerb> = {},
): MqVerb {
  const known = Object.keys(listing.columns)
  return {
    group: 'Monitoring, observability and health checks',
    summary,
    usage: `${scoped ? '[--vhost <vhost>] ' : ''}[<column> ...]`,
    words: [0, Number.POSITIVE_INFINITY],
    columns: known,
    ...more,
    async run(call) {
      // As rabbitmqctl, columns may also come as one word with commas.
      const words = call.words.flatMap((word) => word.split(',')).filter((word) => word !== '')
      const columns = words.length > 0 ? words : listing.usual
      const paths = columns.map((name) => listing.columns[name])
      const found = await find(call, [...new Set(paths.filter((path) => path !== undefined))])
      return { columns, rows: found.map((each) => paths.map((path) => path && reach(each, path))) }
    },
  }
}

function reach(value: unknown, path: string): unknown {
  let at = value
  for (const key of path.split('.')) at = (at as Listed | undefined)?.[key]
  // Elixir's and Erlang's way of having none.
  return at === null || at === 'undefined' ? undefined : at
}

/** Only what is shown is asked for: a thousand queues have many fields. */
async function inVhost(
  api: Api,
  kind: string,
  vhost: string,
  columns: readonly string[],
  more: readonly string[] = [],
): Promise<Listed[]> {
  await requireVhost(api, vhost)
  return api.get<Listed[]>(`${kind}/${encodeURIComponent(vhost)}`, {
    columns: [...new Set([...columns, ...more])].join(','),
  })
}

export const listVerbs: Record<string, MqVerb> = {
  list_queues: listVerb(
    queues,
    'Lists queues and their properties',
    true,
    async ({ api, vhost, options, info }, columns) => {
      info(`Timeout: ${Number(options.timeout ?? 60).toFixed(1)} seconds ...`)
      info(`Listing queues for vhost ${vhost} ...`)
      const found = await inVhost(api, 'queues', vhost, columns, ['state'])
      if (options.offline) return found.filter((each) => each.state === 'down')
      return options.online ? found.filter((each) => each.state !== 'down') : found
    },
    {
      usage: '[--vhost <vhost>] [--online] [--offline] [--local] [<column> ...]',
      options: { online: { type: 'boolean' }, offline: { type: 'boolean' }, local: { type: 'boolean' } },
    },
  ),
  list_exchanges: listVerb(exchanges, 'Lists exchanges', true, ({ api, vhost, info }, columns) => {
    info(`Listing exchanges for vhost ${vhost} ...`)
    return inVhost(api, 'exchanges', vhost, columns)
  }),
  list_bindings: listVerb(bindings, 'Lists all bindings on a vhost', true, async ({ api, vhost, info }) => {
    info(`Listing bindings for vhost ${vhost}...`)
    await requireVhost(api, vhost)
    const found = await api.get<Listed[]>(at`bindings/${vhost}`)
    return found.map((each) => ({ ...each, source_kind: 'exchange' }))
  }),
  list_connections: listVerb(
    connections,
    'Lists AMQP 0.9.1 connections for the node',
    false,
    ({ api, info }, columns) => {
      info('Listing connections ...')
      return api.get<Listed[]>('connections', { columns: columns.join(',') })
    },
  ),
  list_channels: listVerb(channels, 'Lists all channels in the node', false, ({ api, info }, columns) => {
    info('Listing channels ...')
    return api.get<Listed[]>('channels', { columns: columns.join(',') })
  }),
  list_consumers: listVerb(
    consumers,
    'Lists all consumers for a vhost',
    true,
    async ({ api, vhost, info }) => {
      info(`Listing consumers in vhost ${vhost} ...`)
      await requireVhost(api, vhost)
      return api.get<Listed[]>(at`consumers/${vhost}`)
    },
  ),
}
