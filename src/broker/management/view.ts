// How exchanges, queues and bindings look in the management API, with RabbitMQ 3.10's names of members.
import { createHash } from 'node:crypto'
import { type Table, writeTable } from '#kit/amqp/table.ts'
import { Writer } from '#kit/amqp/writer.ts'
import { bindingJson } from '../admin/definitions.ts'
import { tableJson } from '../admin/table-json.ts'
import type { Binding, Exchange } from '../core/exchange.ts'
import { effectiveDefinition } from '../core/policy.ts'
import type { Consumer, Queue } from '../core/queue.ts'
import type { Vhost } from '../core/vhost.ts'
import { ServerConnection } from '../server/connection.ts'
import { ChannelConsumer } from '../server/consumer.ts'
import { consumerView, endOf } from './client-view.ts'
import type { ManagementContext } from './context.ts'
import type { View } from './request.ts'
import { lengthsOf } from './sample.ts'
import { deliverNames, lengthsView, messageStats, passNames } from './stats.ts'

export function queueView(context: ManagementContext, vhost: Vhost, queue: Queue): View {
  const { spec, counts, policy, operatorPolicy } = queue
  const isQuorum = queue.shape.quorum
  const node = context.registry.nodeName
  const lengths = lengthsOf(queue)
  const { activeConsumer, consumers, persistentBytes, persistentCount, readyBytes, unackedBytes } = queue
  const tagOf = (consumer: Consumer | undefined) =>
    consumer instanceof ChannelConsumer ? consumer.tag : null
  return {
    name: queue.name,
    vhost: vhost.name,
    type: isQuorum ? 'quorum' : 'classic',
    durable: spec.durable,
    auto_delete: spec.autoDelete,
    exclusive: spec.exclusive,
    arguments: tableJson(spec.arguments),
    node,
    state: context.broker.running ? 'running' : 'stopped',
    idle_since: new Date(queue.idleSince).toISOString().replace('Z', '+00:00'),
    ...lengthsView(context, queue, lengths),
    messages_persistent: persistentCount,
    message_bytes: readyBytes + unackedBytes,
    message_bytes_ready: readyBytes,
    message_bytes_unacknowledged: unackedBytes,
    message_bytes_persistent: persistentBytes,
    message_stats: messageStats(context, queue, counts, ['publish', ...deliverNames]),
    consumers: consumers.length,
    exclusive_consumer_tag: tagOf(consumers.find((consumer) => consumer.exclusive)),
    single_active_consumer_tag: queue.shape.singleActiveConsumer ? tagOf(activeConsumer) : null,
    ...ownerView(queue),
    policy: policy?.name ?? null,
    operator_policy: operatorPolicy?.name ?? null,
    effective_policy_definition: effectiveDefinition(policy, operatorPolicy) as View,
    ...(isQuorum && { leader: node, members: [node], online: [node] }),
  }
}

/** Of an exclusive queue: whose it is. */
function ownerView({ owner }: Queue): View {
  if (!(owner instanceof ServerConnection)) return {}
  const { host, port } = endOf(owner.peer)
  return { owner_pid_details: { name: owner.name, peer_host: host, peer_port: port } }
}

/** Of one queue: with its consumers. */
export function queueDetail(context: ManagementContext, vhost: Vhost, queue: Queue): View {
  const consumers = queue.consumers.filter((consumer) => consumer instanceof ChannelConsumer)
  return {
    ...queueView(context, vhost, queue),
    consumer_details: consumers.map((consumer) => consumerView(context, consumer)),
    deliveries: [],
    incoming: [],
  }
}

export function exchangeView(context: ManagementContext, vhost: Vhost, exchange: Exchange): View {
  const { name, type, durable, autoDelete, internal } = exchange.spec
  return {
    name,
    vhost: vhost.name,
    type,
    durable,
    auto_delete: autoDelete,
    internal,
    arguments: tableJson(exchange.spec.arguments),
    policy: exchange.policy?.name,
    message_stats: messageStats(context, exchange, exchange.counts, passNames),
  }
}

/** Not in the map of exchanges, but shown. */
export function defaultExchangeView(vhost: Vhost): View {
  return {
    name: '',
    vhost: vhost.name,
    type: 'direct',
    durable: true,
    auto_delete: false,
    internal: false,
    arguments: {},
  }
}

export function bindingView(vhost: Vhost, binding: Binding): View {
  const { routingKey, arguments: table } = binding
  return { ...bindingJson(vhost, binding), properties_key: propertiesKey(routingKey, table) }
}

/** Every queue is bound to the default exchange by its own name. */
export function defaultBindingView(vhost: Vhost, queue: Queue): View {
  return {
    source: '',
    vhost: vhost.name,
    destination: queue.name,
    destination_type: 'queue',
    routing_key: queue.name,
    arguments: {},
    properties_key: propertiesKey(queue.name, {}),
  }
}

/** Tells bindings between the same two apart in a path; nobody may read anything out of it. */
export function propertiesKey(routingKey: string, table: Table): string {
  const key = encodeURIComponent(routingKey).replaceAll('%20', '+').replaceAll('~', '%7E')
  if (Object.keys(table).length === 0) return key === '' ? '~' : key
  const writer = new Writer(64)
  writeTable(writer, table)
  return `${key}~${createHash('sha256').update(writer.written()).digest('base64url').slice(0, 8)}`
}
