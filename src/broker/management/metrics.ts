// /metrics for Prometheus, with RabbitMQ's names: summed, or for each queue, channel and connection.
// https://prometheus.io/docs/instrumenting/exposition_formats/
import type { MessageCounts } from '../core/count.ts'
import type { Queue } from '../core/queue.ts'
import type { Channel } from '../server/channel.ts'
import type { ServerConnection } from '../server/connection.ts'
import { compatible } from '../server/property.ts'
import { channelName } from './client-view.ts'
import type { ManagementContext } from './context.ts'
import { totals } from './sample.ts'

type Kind = 'gauge' | 'counter' | 'untyped'
type Labels = Record<string, string>
type Row = { labels: Labels; value: number }
type Measure<S> = readonly [name: string, kind: Kind, help: string, read: (subject: S) => number]

const queueMeasures: readonly Measure<Queue>[] = [
  ['queue_messages_ready', 'gauge', 'Messages ready for consumers', (q) => q.messageCount],
  ['queue_messages_unacked', 'gauge', 'Messages delivered and not yet acknowledged', (q) => q.unacked],
  ['queue_messages', 'gauge', 'Ready and unacknowledged messages', (q) => q.messageCount + q.unacked],
  ['queue_messages_persistent', 'gauge', 'Messages that outlive the broker', (q) => q.persistentCount],
  ['queue_messages_bytes', 'gauge', 'Bytes of bodies of all messages', (q) => q.readyBytes + q.unackedBytes],
  ['queue_messages_ready_bytes', 'gauge', 'Bytes of bodies of ready messages', (q) => q.readyBytes],
  [
    'queue_messages_unacked_bytes',
    'gauge',
    'Bytes of bodies of unacknowledged messages',
    (q) => q.unackedBytes,
  ],
  ['queue_consumers', 'gauge', 'Consumers of the queue', (q) => q.consumers.length],
  ['queue_messages_published_total', 'counter', 'Messages that came into queues', (q) => q.counts.publish],
]

const counted = (
  name: string,
  help: string,
  read: (counts: MessageCounts) => number,
): Measure<{ counts: MessageCounts }> => [
  `channel_${name}_total`,
  'counter',
  help,
  ({ counts }) => read(counts),
]

const countMeasures = [
  counted('messages_published', 'Messages published', (c) => c.publish),
  counted('messages_confirmed', 'Messages confirmed to their publishers', (c) => c.confirm),
  counted('messages_unroutable_returned', 'Mandatory messages that no queue took', (c) => c.returnUnroutable),
  counted('messages_unroutable_dropped', 'Messages that no queue took', (c) => c.dropUnroutable),
  counted('messages_delivered', 'Messages delivered without acknowledgement', (c) => c.deliverNoAck),
  counted('messages_delivered_ack', 'Messages delivered to be acknowledged', (c) => c.deliver),
  counted('get', 'Messages fetched by basic.get without acknowledgement', (c) => c.getNoAck),
  counted('get_ack', 'Messages fetched by basic.get to be acknowledged', (c) => c.get),
  counted('get_empty', 'basic.get on empty queues', (c) => c.getEmpty),
  counted('messages_redelivered', 'Messages delivered again', (c) => c.redeliver),
  counted('messages_acked', 'Messages acknowledged', (c) => c.ack),
]

const channelMeasures: readonly Measure<Channel>[] = [
  ['channel_consumers', 'gauge', 'Consumers on the channel', (c) => c.consumers.size],
  ['channel_messages_unacked', 'gauge', 'Messages that wait for acknowledgement', (c) => c.unacked.size],
  [
    'channel_messages_unconfirmed',
    'gauge',
    'Messages not yet confirmed',
    (c) => c.confirms?.unconfirmed ?? 0,
  ],
  [
    'channel_messages_uncommitted',
    'gauge',
    'Messages of unfinished transactions',
    (c) => c.transaction?.publications.length ?? 0,
  ],
  [
    'channel_acks_uncommitted',
    'gauge',
    'Acknowledgements of unfinished transactions',
    (c) => c.transaction?.deliveries.length ?? 0,
  ],
  ['channel_prefetch', 'gauge', 'Limit for all consumers of the channel together', (c) => c.globalPrefetch],
]

const connectionMeasures: readonly Measure<ServerConnection>[] = [
  ['connection_incoming_bytes_total', 'counter', 'Bytes received', (c) => c.intake.octets],
  ['connection_outgoing_bytes_total', 'counter', 'Bytes sent', (c) => c.outbox.sentOctets],
  ['connection_incoming_packets_total', 'counter', 'Chunks received', (c) => c.intake.chunks],
  ['connection_channels', 'gauge', 'Channels on the connection', (c) => c.channels.size],
]

export function metrics(context: ManagementContext, perObject: boolean): string {
  const { broker, registry, world } = context
  const { alarms, lives } = broker
  const connections = [...broker.connections].filter(({ isOpen }) => isOpen)
  const channels = connections.flatMap((connection) => [...connection.channels.values()])
  const vhosts = [...broker.vhosts.values()]
  const queues = vhosts.flatMap((vhost) => [...vhost.queues.values()].map((queue) => ({ vhost, queue })))
  const out: string[] = []
  const family = (name: string, kind: Kind, help: string, rows: Row[]) => {
    out.push(`# TYPE rabbitmq_${name} ${kind}`, `# HELP rabbitmq_${name} ${help}`)
    for (const { labels, value } of rows) out.push(`rabbitmq_${name}${shown(labels)} ${value}`)
  }
  const one = (name: string, kind: Kind, help: string, value: number, labels: Labels = {}) =>
    family(name, kind, help, [{ labels, value }])
  const measured = <S>(measures: readonly Measure<S>[], subjects: S[], labelsOf: (subject: S) => Labels) => {
    for (const [name, kind, help, read] of measures) {
      const rows = perObject
        ? subjects.map((subject) => ({ labels: labelsOf(subject), value: read(subject) }))
        : [{ labels: {}, value: subjects.reduce((sum, subject) => sum + read(subject), 0) }]
      family(name, kind, help, rows)
    }
  }

  const { clusterName, nodeName } = registry
  const identity = {
    rabbitmq_node: nodeName,
    rabbitmq_cluster: clusterName,
    rabbitmq_cluster_permanent_id: String(registry.globalParameters.get('internal_cluster_id') ?? ''),
  }
  one('build_info', 'untyped', 'What runs', 1, {
    rabbitmq_version: compatible.version,
    nimbo_version: context.version,
  })
  one('identity_info', 'untyped', 'Node and cluster', 1, identity)
  one('uptime_seconds', 'gauge', 'Since the start', (world.clock.now() - broker.startedAt) / 1000)
  one('process_resident_memory_bytes', 'gauge', 'Memory of the process', alarms.memoryUsed)
  one('resident_memory_limit_bytes', 'gauge', 'Memory high watermark', alarms.memoryLimit)
  if (alarms.diskFree !== undefined) one('disk_space_available_bytes', 'gauge', 'Free disk', alarms.diskFree)
  one('disk_space_available_limit_bytes', 'gauge', 'Free disk low watermark', alarms.diskFreeLimit)
  const isRaised = (resource: 'memory' | 'disk') => Number(alarms.raised.has(resource))
  one('alarms_memory_used_watermark', 'untyped', '1 while the memory alarm is up', isRaised('memory'))
  one('alarms_free_disk_space_watermark', 'untyped', '1 while the disk alarm is up', isRaised('disk'))
  one('connections', 'gauge', 'Open connections', connections.length)
  one('channels', 'gauge', 'Open channels', channels.length)
  one(
    'consumers',
    'gauge',
    'Consumers',
    queues.reduce((sum, { queue }) => sum + queue.consumers.length, 0),
  )
  one('queues', 'gauge', 'Queues', queues.length)
  one('connections_opened_total', 'counter', 'Connections opened', lives.connectionCreated)
  one('connections_closed_total', 'counter', 'Connections closed', lives.connectionClosed)
  one('channels_opened_total', 'counter', 'Channels opened', lives.channelCreated)
  one('channels_closed_total', 'counter', 'Channels closed', lives.channelClosed)
  one('queues_declared_total', 'counter', 'Queues declared, again too', lives.queueDeclared)
  one('queues_created_total', 'counter', 'Queues made', lives.queueCreated)
  one('queues_deleted_total', 'counter', 'Queues deleted', lives.queueDeleted)

  const vhostOf = new Map(queues.map(({ vhost, queue }) => [queue, vhost.name]))
  measured(
    queueMeasures,
    queues.map(({ queue }) => queue),
    (queue) => ({ vhost: vhostOf.get(queue)!, queue: queue.name }),
  )
  const channelLabels = (channel: Channel) => ({ channel: channelName(channel) })
  measured(channelMeasures, channels, channelLabels)
  if (perObject) measured(countMeasures, channels, channelLabels)
  else {
    // Those of closed channels too: a sum must not fall.
    const all = [{ counts: totals(broker) as unknown as MessageCounts }]
    measured(countMeasures, all, () => ({}))
  }
  measured(connectionMeasures, connections, ({ name }) => ({ connection: name }))
  return `${out.join('\n')}\n`
}

function shown(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
