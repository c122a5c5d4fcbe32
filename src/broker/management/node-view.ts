// /api/overview and /api/nodes: the broker as a cluster of one node.
import type { Address } from '#kit/world/world.ts'
import { lifeNames } from '../core/life.ts'
import { compatible, platform } from '../server/property.ts'
import { demand, has } from './access.ts'
import type { ManagementContext, ManagementListener } from './context.ts'
import { visible } from './queue-route.ts'
import type { ApiRequest, View } from './request.ts'
import { type Numbers, numberNames, totals, vhostNumbers } from './sample.ts'
import { allCounts, lengthsView, messageStats, numbersView } from './stats.ts'

const exchangeTypes = ['direct', 'fanout', 'headers', 'topic'].map((name) => ({
  name,
  description: `AMQP ${name} exchange`,
  enabled: true,
}))

export type ListenerView = ManagementListener

/** All that the program listens on for this broker, named as RabbitMQ names protocols. */
export function listenersOf({ broker, listeners }: ManagementContext): ListenerView[] {
  const own = broker.running ? broker.listeners : []
  return [
    ...own.map(({ address, tls }) => ({ address, tls, protocol: tls ? 'amqp/ssl' : 'amqp' })),
    ...listeners,
  ]
}

export function overview(context: ManagementContext, request: ApiRequest): View {
  const { broker, registry } = context
  const isMonitor = has(request.user, 'monitoring')
  const seen = visible(context, request)
  // What goes on in the virtual hosts of others is not to be read off the totals.
  const subject = isMonitor ? broker : seen
  const numbers = isMonitor
    ? totals(broker)
    : sumOf(seen.map((vhost) => vhostNumbers(vhost, broker.connections)))
  const connections = [...broker.connections].filter(
    ({ isOpen, user }) => isOpen && (isMonitor || user === request.user),
  )
  const count = (
    of: (vhost: typeof broker.vhosts extends ReadonlyMap<string, infer V> ? V : never) => number,
  ) => seen.reduce((sum, vhost) => sum + of(vhost), 0)
  return {
    management_version: compatible.version,
    rates_mode: 'basic',
    sample_retention_policies: { global: [600], basic: [600], detailed: [] },
    exchange_types: exchangeTypes,
    product_name: compatible.product,
    product_version: compatible.version,
    rabbitmq_version: compatible.version,
    // What runs it, where RabbitMQ names its Erlang.
    erlang_version: platform,
    erlang_full_version: platform,
    cluster_name: registry.clusterName,
    node: registry.nodeName,
    disable_stats: false,
    enable_queue_totals: false,
    message_stats: messageStats(context, subject, numbers, allCounts) ?? {},
    churn_rates: numbersView(context, subject, numbers, lifeNames),
    queue_totals: lengthsView(context, subject, numbers),
    object_totals: {
      connections: connections.length,
      channels: connections.reduce((sum, { channels }) => sum + channels.size, 0),
      consumers: count(({ queues }) =>
        [...queues.values()].reduce((sum, { consumers }) => sum + consumers.length, 0),
      ),
      // With the default exchange of each.
      exchanges: count(({ exchanges }) => exchanges.size + 1),
      queues: count(({ queues }) => queues.size),
    },
    statistics_db_event_queue: 0,
    ...(isMonitor && { listeners: listenersOf(context).map((each) => listenerView(context, each)) }),
    contexts: isMonitor ? contexts(context) : [],
  }
}

export async function nodeView(context: ManagementContext, request: ApiRequest): Promise<View> {
  demand(request.user, 'monitoring')
  const { broker, registry, world } = context
  const { alarms } = broker
  const files = await openFiles(context)
  return {
    name: registry.nodeName,
    type: 'disc',
    running: broker.running,
    being_drained: false,
    partitions: [],
    os_pid: String(world.processes.self),
    uptime: world.clock.now() - broker.startedAt,
    processors: world.host.cpus,
    rates_mode: 'basic',
    mem_calculation_strategy: 'rss',
    mem_used: alarms.memoryUsed,
    mem_limit: alarms.memoryLimit,
    mem_alarm: alarms.raised.has('memory'),
    disk_free: alarms.diskFree,
    disk_free_limit: alarms.diskFreeLimit,
    disk_free_alarm: alarms.raised.has('disk'),
    fd_used: files.open,
    fd_total: files.limit,
    proc_used: working(context),
    proc_total: processLimit,
    sockets_used: broker.connections.size + listenersOf(context).length,
    sockets_total: files.limit,
    ...numbersView(context, broker, broker.lives, lifeNames),
    exchange_types: exchangeTypes,
    auth_mechanisms: ['PLAIN', 'AMQPLAIN', 'EXTERNAL'].map((name) => ({
      name,
      description: `SASL ${name}`,
      enabled: true,
    })),
    applications: [{ name: 'nimbo', description: platform, version: context.version }],
    contexts: contexts(context),
    db_dir: broker.dataDir,
    config_files: [],
    log_files: [],
    enabled_plugins: [],
    cluster_links: [],
    net_ticktime: 0,
  }
}

/** Nothing is bounded by it here; monitors of RabbitMQ, which has this limit, want a share to judge. */
const processLimit = 1_048_576

/** What are processes in RabbitMQ, the broker itself among them. */
function working({ broker }: ManagementContext): number {
  let count = 1
  for (const { channels } of broker.connections) count += 1 + channels.size
  for (const { queues } of broker.vhosts.values()) count += queues.size
  return count
}

function contexts(context: ManagementContext): View[] {
  return context.listeners.map(({ address, tls, protocol }) => ({
    node: context.registry.nodeName,
    description: protocol.startsWith('http/prometheus') ? 'Prometheus' : 'Management',
    path: '/',
    ssl: tls !== undefined,
    port: String(portOf(address)),
    protocol,
  }))
}

function listenerView({ registry }: ManagementContext, { address, tls, protocol }: ListenerView): View {
  const host = 'host' in address ? address.host : address.path
  return {
    node: registry.nodeName,
    protocol,
    ip_address: host,
    port: portOf(address),
    socket_opts: { nodelay: true },
    tls: tls !== undefined,
  }
}

export function portOf(address: Address): number {
  return 'port' in address ? address.port : 0
}

async function openFiles({ world }: ManagementContext): Promise<{ open: number; limit: number }> {
  const [open, limits] = await Promise.all([
    world.files.list('/proc/self/fd'),
    world.files.readText('/proc/self/limits'),
  ])
  const [, soft = '0'] = /^Max open files +(\d+)/m.exec(limits) ?? []
  return { open: open.length, limit: Number(soft) }
}

function sumOf(all: Numbers[]): Numbers {
  return Object.fromEntries(
    numberNames.map((name) => [name, all.reduce((sum, numbers) => sum + (numbers[name] ?? 0), 0)]),
  )
}
