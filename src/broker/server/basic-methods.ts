// basic.qos, consume, cancel and get, confirm.select, channel.flow: how a channel is to be used.
import { channelError, connectionError } from '#kit/amqp/error.ts'
import type { MethodFields } from '#kit/amqp/methods.ts'
import type { Table } from '#kit/amqp/table.ts'
import { fieldTypeName } from '../core/equivalence.ts'
import type { Channel } from './channel.ts'
import { Confirms } from './confirm.ts'
import { ChannelConsumer } from './consumer.ts'
import type { Handlers } from './handlers.ts'
import { queueFor } from './name.ts'
import { consumeReplies, endReplies, replyQueue } from './reply-to.ts'

export const basicHandlers: Handlers = {
  'basic.qos'(channel, { prefetchSize, prefetchCount, global }) {
    if (prefetchSize > 0) throw connectionError(540, `prefetch_size!=0 (${prefetchSize})`)
    if (global) {
      channel.globalPrefetch = prefetchCount
      channel.resume()
    } else channel.prefetch = prefetchCount
    channel.reply('basic.qos-ok', {})
  },

  'basic.consume'(channel, fields) {
    if (fields.queue === replyQueue) consumeReplies(channel, fields)
    else consume(channel, fields)
  },

  'basic.cancel'(channel, { consumerTag, noWait }) {
    if (channel.replyConsumer?.tag === consumerTag) endReplies(channel)
    const consumer = channel.consumers.get(consumerTag)
    if (consumer) channel.removeConsumer(consumer)
    if (!noWait) channel.reply('basic.cancel-ok', { consumerTag })
  },

  // A client answers a cancellation of ours; there is nothing left to do.
  'basic.cancel-ok'() {},

  'basic.get'(channel, { queue: name, noAck }) {
    const queue = queueFor(channel, 'read', name)
    const entry = queue.take(noAck)
    const { counts } = channel
    if (!entry) {
      counts.getEmpty++
      channel.reply('basic.get-empty', {})
      return
    }
    if (noAck) counts.getNoAck++
    else counts.get++
    if (entry.redelivered) counts.redeliver++
    const deliveryTag = channel.nextDeliveryTag()
    const { exchange, routingKey, content } = entry.message
    const { redelivered } = entry
    channel.reply('basic.get-ok', {
      deliveryTag,
      redelivered,
      exchange,
      routingKey,
      messageCount: queue.messageCount,
    })
    channel.outbox.content(channel.number, content)
    if (noAck) queue.settle(entry, false)
    else channel.remember({ tag: deliveryTag, entry, queue, consumer: undefined })
  },

  'confirm.select'(channel, { noWait }) {
    if (channel.transaction) throw channelError(406, 'cannot switch from tx to confirm mode')
    channel.confirms ??= new Confirms(channel.outbox, channel.number, channel.host.store, channel.counts)
    if (!noWait) channel.reply('confirm.select-ok', {})
  },

  'channel.flow'(channel, { active }) {
    // RabbitMQ has never had it otherwise; prefetch is what clients use.
    if (!active) throw connectionError(540, 'active=false')
    channel.reply('channel.flow-ok', { active })
  },

  // Deprecated since 0-9, but old clients still ask.
  'access.request': (channel) => channel.reply('access.request-ok', { reserved1: 1 }),
}

function consume(channel: Channel, fields: MethodFields<'basic.consume'>): void {
  const { consumerTag, noAck, exclusive, noWait } = fields
  const queue = queueFor(channel, 'read', fields.queue)
  const tag = consumerTag === '' ? channel.host.randomName('amq.ctag-') : consumerTag
  if (channel.consumers.has(tag)) throw connectionError(530, `attempt to reuse consumer tag '${tag}'`)
  checkArguments(fields.arguments, channel.host.vhost.where('queue', queue.name))
  const isTaken = exclusive
    ? queue.consumers.length > 0 || queue.shape.singleActiveConsumer
    : queue.consumers.some((other) => other.exclusive)
  if (isTaken) throw channelError(403, `${channel.host.vhost.where('queue', queue.name)} in exclusive use`)
  const consumer = new ChannelConsumer(channel, queue, tag, {
    noAck,
    exclusive,
    prefetch: channel.prefetch,
    arguments: fields.arguments,
  })
  channel.consumers.set(tag, consumer)
  // Before the first delivery, which adding the consumer may bring.
  if (!noWait) channel.reply('basic.consume-ok', { consumerTag: tag })
  queue.addConsumer(consumer)
}

function checkArguments(table: Table, where: string): void {
  const { 'x-priority': priority, 'x-cancel-on-ha-failover': cancel } = table
  const invalid = (name: string, text: string) =>
    channelError(406, `invalid arg '${name}' for ${where}: ${text}`)
  if (priority !== undefined && !Number.isInteger(priority))
    throw invalid('x-priority', `"expected integer, got ${fieldTypeName(priority)}"`)
  if (cancel !== undefined && typeof cancel !== 'boolean')
    throw invalid('x-cancel-on-ha-failover', `{unacceptable_type,${fieldTypeName(cancel)}}`)
}
