// queue.*: declare, bind, unbind, purge, delete.
import { channelError } from '#kit/amqp/error.ts'
import type { MethodFields } from '#kit/amqp/methods.ts'
import type { Table } from '#kit/amqp/table.ts'
import type { Queue } from '../core/queue.ts'
import type { Channel } from './channel.ts'
import type { Handlers } from './handlers.ts'
import { allow, bindingEnds, cleaned, queueFor, queueName, refuseReserved } from './name.ts'
import { declareReplies } from './reply-to.ts'
import { authorizeTopic } from './user.ts'

export const queueHandlers: Handlers = {
  'queue.declare'(channel, fields) {
    const name = cleaned(fields.queue)
    if (declareReplies(channel, name)) {
      channel.lastQueue = name
      if (!fields.noWait) channel.reply('queue.declare-ok', { queue: name, consumerCount: 1 })
      return
    }
    const queue = fields.passive ? passive(channel, name) : declare(channel, name, fields)
    channel.lastQueue = queue.name
    if (fields.noWait) return
    channel.replyWhenSafe('queue.declare-ok', {
      queue: queue.name,
      messageCount: queue.messageCount,
      consumerCount: queue.consumers.length,
    })
  },

  'queue.bind'(channel, fields) {
    const { routingKey, names } = named(channel, fields)
    const { source, destination } = bindingEnds(channel, 'queue', names, false)!
    channel.host.vhost.bind(source, destination, routingKey, fields.arguments)
    if (!fields.noWait) channel.replyWhenSafe('queue.bind-ok', {})
  },

  'queue.unbind'(channel, fields) {
    const { routingKey, names } = named(channel, fields)
    const ends = bindingEnds(channel, 'queue', names, true)
    if (ends) channel.host.vhost.unbind(ends.source, ends.destination, routingKey, fields.arguments)
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
  const queue = channel.host.vhost.queue(name, channel.host.session)
  queue.used()
  return queue
}

function declare(channel: Channel, given: string, fields: MethodFields<'queue.declare'>): Queue {
  const { vhost, session } = channel.host
  if (given === '' && fields.arguments['x-queue-type'] === 'quorum')
    throw channelError(406, 'Cannot declare a server-named queue for type rabbit_quorum_queue')
  const name = given === '' ? channel.host.randomName('amq.gen-') : given
  if (given !== '') refuseReserved('queue', name)
  allow(channel, 'configure', 'queue', name)
  if (!vhost.queues.has(name)) allowDeadLetters(channel, name, fields.arguments)
  const { durable, exclusive, autoDelete } = fields
  return vhost.declareQueue({ name, durable, exclusive, autoDelete, arguments: fields.arguments }, session)
}

/** The queue will publish in its declarer's place. */
function allowDeadLetters(channel: Channel, queue: string, table: Table): void {
  const { vhost, user } = channel.host
  const { 'x-dead-letter-exchange': exchange, 'x-dead-letter-routing-key': routingKey } = table
  if (typeof exchange !== 'string') return
  allow(channel, 'read', 'queue', queue)
  allow(channel, 'write', 'exchange', exchange)
  // RabbitMQ doesn't ask for the right to the topic, so that whoever has a queue there can send others' messages anywhere.
  const { type } = vhost.exchanges.get(exchange)?.spec ?? { type: 'topic' }
  if (typeof routingKey === 'string' && type === 'topic')
    authorizeTopic(user, vhost.name, 'write', exchange, routingKey)
}

/** With neither queue nor key named, the key is the queue's name too. */
function named(channel: Channel, fields: { queue: string; exchange: string; routingKey: string }) {
  const { queue, exchange } = fields
  const routingKey = queue === '' && fields.routingKey === '' ? channel.lastQueue : fields.routingKey
  return { routingKey, names: { source: exchange, destination: queue, routingKey } }
}
