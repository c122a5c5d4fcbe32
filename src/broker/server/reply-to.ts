// Direct reply-to: a client consumes answers from a queue that doesn't exist, straight from whoever publishes them.
// https://www.rabbitmq.com/docs/direct-reply-to
import { editContent, mayHold } from '#kit/amqp/content.ts'
import { channelError, connectionError } from '#kit/amqp/error.ts'
import type { MethodFields } from '#kit/amqp/methods.ts'
import type { Message } from '../core/message.ts'
import type { Channel } from './channel.ts'
import { tagOctets, writeDelivery } from './consumer.ts'

export const replyQueue = 'amq.rabbitmq.reply-to'
const replyPrefix = `${replyQueue}.`
/** Answers to a client that doesn't read are dropped beyond this much unsent: it has left its answers alone. */
const mostUnsent = 64 * 1024 * 1024

export type ReplyConsumer = { tag: string; tagOctets: Buffer; key: string }

/** All channels of the broker that consume answers, by the routing key that leads to each. */
export type ReplyChannels = Map<string, Channel>

export function consumeReplies(channel: Channel, fields: MethodFields<'basic.consume'>): void {
  const { consumerTag, noAck, noWait } = fields
  if (channel.consumers.has(consumerTag))
    throw connectionError(530, `attempt to reuse consumer tag '${consumerTag}'`)
  if (channel.replyConsumer) throw channelError(406, 'reply consumer already set')
  if (!noAck) throw channelError(406, 'reply consumer cannot acknowledge')
  const tag = consumerTag === '' ? channel.host.randomName('amq.ctag-') : consumerTag
  // Whoever knows the key can answer: it must not be guessed.
  const key = channel.host.randomName(replyPrefix)
  channel.replyConsumer = { tag, tagOctets: tagOctets(tag), key }
  channel.host.replyChannels.set(key, channel)
  if (!noWait) channel.reply('basic.consume-ok', { consumerTag: tag })
}

export function endReplies(channel: Channel): void {
  if (!channel.replyConsumer) return
  channel.host.replyChannels.delete(channel.replyConsumer.key)
  channel.replyConsumer = undefined
}

/** Declaring one asks whether its client is still there. */
export function declareReplies(channel: Channel, name: string): boolean {
  if (!name.startsWith(replyQueue)) return false
  if (name !== replyQueue && !channel.host.replyChannels.has(name))
    throw channelError(404, `no ${channel.host.vhost.where('queue', name)}`)
  return true
}

export function isReplyKey(routingKey: string): boolean {
  return routingKey.startsWith(replyPrefix)
}

/** Nobody there: the answer is dropped, as it is where its client has gone. */
export function deliverReply(channel: Channel, key: string, message: Message): void {
  const receiver = channel.host.replyChannels.get(key)
  const consumer = receiver?.replyConsumer
  if (!receiver || !consumer || receiver.outbox.unsentOctets > mostUnsent) return
  receiver.counts.deliverNoAck++
  writeDelivery(receiver, consumer.tagOctets, receiver.nextDeliveryTag(), false, message)
}

/** Puts the key of the channel's reply consumer where its client wrote the general name. Throws 406 without one. */
export function nameReplyTo(channel: Channel, message: Message): void {
  if (!mayHold(message.content, replyQueue) || message.properties.replyTo !== replyQueue) return
  if (!channel.replyConsumer) throw channelError(406, 'fast reply consumer does not exist')
  message.replaceContent(editContent(message.content, { replyTo: channel.replyConsumer.key }))
}
