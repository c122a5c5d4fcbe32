// How connections, channels and consumers look in the management API, with RabbitMQ 3.10's names of members.
import type { Table } from '#kit/amqp/table.ts'
import { tableJson } from '../admin/table-json.ts'
import type { Channel } from '../server/channel.ts'
import type { ServerConnection } from '../server/connection.ts'
import type { ChannelConsumer } from '../server/consumer.ts'
import type { ManagementContext } from './context.ts'
import type { View } from './request.ts'
import { octetsOf } from './sample.ts'
import { deliverNames, messageStats, numbersView, publishNames } from './stats.ts'

export function connectionView(context: ManagementContext, connection: ServerConnection): View {
  const { clientProperties, intake, mechanism, outbox, tls, tuned, user } = connection
  const peer = endOf(connection.peer)
  const local = endOf(connection.local)
  const certificate = tls?.certificate
  return {
    name: connection.name,
    node: context.registry.nodeName,
    type: peer.port === 0 ? 'direct' : 'network',
    protocol: 'AMQP 0-9-1',
    state: connection.state,
    user: user.name,
    user_who_performed_action: user.name,
    vhost: connection.vhost.name,
    user_provided_name: textAt(clientProperties, 'connection_name'),
    client_properties: tableJson(clientProperties),
    host: local.host,
    port: local.port,
    peer_host: peer.host,
    peer_port: peer.port,
    auth_mechanism: mechanism,
    channels: connection.channels.size,
    channel_max: tuned.channelMax,
    frame_max: tuned.frameMax,
    timeout: tuned.heartbeatSeconds,
    connected_at: connection.connectedAt,
    ...numbersView(context, connection, octetsOf(connection), ['octetsReceived', 'octetsSent']),
    recv_cnt: intake.chunks,
    send_pend: outbox.unsentOctets,
    ssl: tls !== undefined,
    ssl_protocol: tls?.protocol ?? null,
    ssl_cipher: tls?.cipher ?? null,
    ssl_key_exchange: null,
    ssl_hash: null,
    peer_cert_subject: certificate?.subject ?? null,
    peer_cert_issuer: certificate?.issuer ?? null,
    peer_cert_validity: null,
  }
}

export function channelName({ number, host }: Channel): string {
  return `${host.name} (${number})`
}

export function channelView(
  context: ManagementContext,
  connection: ServerConnection,
  channel: Channel,
): View {
  const { confirms, consumers, counts, globalPrefetch, number, prefetch, transaction, unacked } = channel
  const peer = endOf(connection.peer)
  return {
    name: channelName(channel),
    number,
    node: context.registry.nodeName,
    vhost: connection.vhost.name,
    user: connection.user.name,
    user_who_performed_action: connection.user.name,
    connection_details: { name: connection.name, peer_host: peer.host, peer_port: peer.port },
    state: channel.waiting ? 'flow' : 'running',
    confirm: confirms !== undefined,
    transactional: transaction !== undefined,
    consumer_count: consumers.size,
    messages_unacknowledged: unacked.size,
    messages_unconfirmed: confirms?.unconfirmed ?? 0,
    messages_uncommitted: transaction?.publications.length ?? 0,
    acks_uncommitted: transaction?.deliveries.length ?? 0,
    prefetch_count: prefetch,
    global_prefetch_count: globalPrefetch,
    message_stats: messageStats(context, channel, counts, [...publishNames, ...deliverNames]),
  }
}

export function channelDetail(
  context: ManagementContext,
  connection: ServerConnection,
  channel: Channel,
): View {
  return {
    ...channelView(context, connection, channel),
    consumer_details: [...channel.consumers.values()].map((consumer) => consumerView(context, consumer)),
    publishes: [],
    deliveries: [],
  }
}

export function consumerView(context: ManagementContext, consumer: ChannelConsumer): View {
  const { channel, queue } = consumer
  const { host } = channel
  const [peer = ''] = host.name.split(' -> ')
  const isActive = !queue.shape.singleActiveConsumer || queue.activeConsumer === consumer
  return {
    consumer_tag: consumer.tag,
    queue: { name: queue.name, vhost: host.vhost.name },
    ack_required: !consumer.noAck,
    exclusive: consumer.exclusive,
    prefetch_count: consumer.prefetch,
    active: isActive,
    activity_status: isActive ? (queue.shape.singleActiveConsumer ? 'single_active' : 'up') : 'waiting',
    arguments: tableJson(consumer.arguments),
    channel_details: {
      name: channelName(channel),
      number: channel.number,
      connection_name: host.name,
      node: context.registry.nodeName,
      peer_host: endOf(peer).host,
      peer_port: endOf(peer).port,
      user: host.user.name,
    },
  }
}

/** 'address:port'; what has no port is a stream within a process. */
export function endOf(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':')
  const port = Number(text.slice(at + 1))
  return at > 0 && Number.isInteger(port) ? { host: text.slice(0, at), port } : { host: text, port: 0 }
}

function textAt(table: Table, name: string): string | undefined {
  const value = table[name]
  return typeof value === 'string' ? value : undefined
}
