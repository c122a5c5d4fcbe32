// queue.*: declare, bind, unbind, purge, delete.
import { channelError } from '#kit/amqp/error.ts'
import type { MethodFields } from '#kit/amqp/methods.ts'
import type { Queue } from '../core/queue.ts'
import type { Channel } from './channel.ts'
import type { Handlers } from './handlers.ts'
import { allow, exchangeFor, queueFor, queueName, refuseReserved } from './name.ts'

export const queueHandlers: Handlers = {
  'queue.declare'(channel, fields) {
    const queue = fields.passive ? passive(channel, fields.queue) : declare(channel, fields)
    channel.lastQueue = queue.name
    if (fields.noWait) return
    channel.replyWhenSafe('queue.declare-ok', {
      queue: queue.name,
      messageCount: queue.messageCount,
      consumerCount: queue.consumers.length,
    })
  },

  'queue.bind'(channel, fields) {
    const queue = queueFor(channel, 'write', fields.queue)
    const exchange = exchangeFor(channel, 'read', fields.exchange)
    channel.host.vhost.bind(exchange, queue, bindingKey(channel, fields), fields.arguments)
    if (!fields.noWait) channel.replyWhenSafe('queue.bind-ok', {})
  },

  'queue.unbind'(channel, fields) {
    const queue = queueFor(channel, 'write', fields.queue)
    const exchange = exchangeFor(channel, 'read', fields.exchange)
    channel.host.vhost.unbind(exchange, queue, bindingKey(channel, fields), fields.arguments)
    channel.replyWhenSafe('queue.unbind-ok', {})
  },

  'queue.purge'(channel, fields) {
    const messageCount = queueFor(channel, 'read', fields.queue).purge()
    if (!fields.noWait) channel.reply('queue.purge-ok', { messageCount })
  },

  'queue.delete'(channel, fields) {
    const { vhost } = channel.host
    const name = queueName(channel, fields.queue)
    allow(channel, 'configure', 'queue', name)
    let messageCount = 0
    // A queue that isn't there counts as deleted.
    if (vhost.queues.has(name)) {
      const queue = vhost.queue(name, channel.host.session)
      if (fields.ifUnused && queue.consumers.length > 0)
        throw channelError(406, `${vhost.where('queue', name)} in use`)
      if (fields.ifEmpty && queue.messageCount > 0)
        throw channelError(406, `${vhost.where('queue', name)} not empty`)
      messageCount = vhost.deleteQueue(queue)
    }
    if (!fields.noWait) channel.replyWhenSafe('queue.delete-ok', { messageCount })
  },
}

function passive(channel: Channel, name: string): Queue {
  const queue = channel.host.vhost.queue(queueName(channel, name), channel.host.session)
  queue.used()
  return queue
}

function declare(channel: Channel, fields: MethodFields<'queue.declare'>): Queue {
  const { vhost, session } = channel.host
  const name = fields.queue === '' ? channel.host.randomName('amq.gen-') : fields.queue
  if (fields.queue !== '' && !vhost.queues.has(name)) refuseReserved('queue', name)
  allow(channel, 'configure', 'queue', name)
  const deadLetterExchange = fields.arguments['x-dead-letter-exchange']
  if (typeof deadLetterExchange === 'string') {
    allow(channel, 'read', 'queue', name)
    allow(channel, 'write', 'exchange', deadLetterExchange)
  }
  const { durable, exclusive, autoDelete } = fields
  return vhost.declareQueue({ name, durable, exclusive, autoDelete, arguments: fields.arguments }, session)
}

/** With neither queue nor key named, the key is the queue's name too. */
function bindingKey(channel: Channel, fields: { queue: string; routingKey: string }): string {
  return fields.queue === '' && fields.routingKey === '' ? channel.lastQueue : fields.routingKey
}
