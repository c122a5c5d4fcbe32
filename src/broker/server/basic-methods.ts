// basic.* but publish, confirm.* and channel.flow: consuming, getting, and answering for deliveries.
import { channelError, connectionError } from '#kit/amqp/error.ts'
import type { Queue } from '../core/queue.ts'
import type { Channel } from './channel.ts'
import { Confirms } from './confirm.ts'
import { ChannelConsumer } from './consumer.ts'
import type { Handlers } from './handlers.ts'
import { queueFor } from './name.ts'

export const basicHandlers: Handlers = {
  'basic.qos'(channel, { prefetchSize, prefetchCount, global }) {
    if (prefetchSize > 0) throw connectionError(540, `prefetch_size!=0 (${prefetchSize})`)
    if (global) {
      channel.globalPrefetch = prefetchCount
      channel.resume()
    } else channel.prefetch = prefetchCount
    channel.reply('basic.qos-ok', {})
  },

  'basic.consume'(channel, { queue: name, consumerTag, noAck, exclusive, noWait }) {
    const queue = queueFor(channel, 'read', name)
    const tag = consumerTag === '' ? channel.host.randomName('amq.ctag-') : consumerTag
    if (channel.consumers.has(tag)) throw connectionError(530, `attempt to reuse consumer tag '${tag}'`)
    if (queue.consumers.some((other) => other.exclusive) || (exclusive && queue.consumers.length > 0))
      throw channelError(403, `${channel.host.vhost.where('queue', queue.name)} in exclusive use`)
    const consumer = new ChannelConsumer(channel, queue, tag, {
      noAck,
      exclusive,
      prefetch: channel.prefetch,
    })
    channel.consumers.set(tag, consumer)
    // Before the first delivery, which adding the consumer may bring.
    if (!noWait) channel.reply('basic.consume-ok', { consumerTag: tag })
    queue.addConsumer(consumer)
  },

  'basic.cancel'(channel, { consumerTag, noWait }) {
    const consumer = channel.consumers.get(consumerTag)
    if (consumer) channel.removeConsumer(consumer)
    if (!noWait) channel.reply('basic.cancel-ok', { consumerTag })
  },

  // A client answers a cancellation of ours; there is nothing left to do.
  'basic.cancel-ok'() {},

  'basic.get'(channel, { queue: name, noAck }) {
    const queue = queueFor(channel, 'read', name)
    const entry = queue.take()
    if (!entry) {
      channel.reply('basic.get-empty', {})
      return
    }
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
    if (noAck) queue.settle(entry)
    else channel.remember(deliveryTag, { entry, queue, consumer: undefined })
  },

  'basic.ack'(channel, { deliveryTag, multiple }) {
    const queues = new Set<Queue>()
    for (const { queue, entry } of channel.takeDeliveries(deliveryTag, multiple)) {
      queue.settle(entry)
      queues.add(queue)
    }
    channel.resume(queues)
  },

  'basic.reject': (channel, { deliveryTag, requeue }) => refuse(channel, deliveryTag, false, requeue),
  'basic.nack': (channel, { deliveryTag, multiple, requeue }) =>
    refuse(channel, deliveryTag, multiple, requeue),

  'basic.recover'(channel, { requeue }) {
    recover(channel, requeue)
    channel.reply('basic.recover-ok', {})
  },
  'basic.recover-async': (channel, { requeue }) => recover(channel, requeue),

  'confirm.select'(channel, { noWait }) {
    channel.confirms ??= new Confirms(channel.outbox, channel.number, channel.host.store)
    if (!noWait) channel.reply('confirm.select-ok', {})
  },

  'channel.flow'(channel, { active }) {
    channel.flowing = active
    if (active) channel.resume()
    channel.reply('channel.flow-ok', { active })
  },

  // Deprecated since 0-9, but old clients still ask.
  'access.request': (channel) => channel.reply('access.request-ok', { reserved1: 1 }),

  'tx.select'() {
    throw connectionError(540, 'transactions are not implemented')
  },
}

function refuse(channel: Channel, tag: number, multiple: boolean, requeue: boolean): void {
  const deliveries = channel.takeDeliveries(tag, multiple)
  if (requeue) channel.requeue(deliveries)
  else for (const { queue, entry } of deliveries) queue.reject(entry)
  channel.resume(deliveries.map(({ queue }) => queue))
}

function recover(channel: Channel, requeue: boolean): void {
  if (!requeue) throw connectionError(540, 'requeue=false')
  channel.requeue(channel.takeDeliveries(0, true))
  channel.resume()
}
