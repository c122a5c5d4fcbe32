// basic.publish: read without an object per field, routed, confirmed, or returned.
import { type Content, editContent, propertiesAt, propertiesEnd } from '#kit/amqp/content.ts'
import { Cursor } from '#kit/amqp/cursor.ts'
import { channelError, connectionError, syntaxError } from '#kit/amqp/error.ts'
import { checkProperties } from '#kit/amqp/property.ts'
import { copiesOf, mayNameCopies } from '../core/copies.ts'
import { Message } from '../core/message.ts'
import type { Queue } from '../core/queue.ts'
import type { Routed } from '../core/vhost.ts'
import type { Channel } from './channel.ts'
import { deliverReply, isReplyKey, nameReplyTo } from './reply-to.ts'
import { authorize, authorizeTopic, type User } from './user.ts'

/** basic.publish: class 60, method 40. */
export const publishMethod = 0x003c0028

export type Publication = {
  exchange: string
  routingKey: string
  /** Both as they came. */
  address: Buffer
  mandatory: boolean
  immediate: boolean
}

/** Undefined where it is another method. */
export function readPublication(buffer: Buffer, start: number, end: number): Publication | undefined {
  if (end - start < 8 || buffer.readUInt32BE(start) !== publishMethod) return undefined
  const cursor = new Cursor(buffer, start + 6, end)
  const addressAt = cursor.at
  const exchange = cursor.name()
  const routingKey = cursor.name()
  const address = buffer.subarray(addressAt, cursor.at)
  const bits = cursor.octet()
  if (cursor.at !== end) throw syntaxError('basic.publish has more octets than fields')
  return { exchange, routingKey, address, mandatory: (bits & 1) !== 0, immediate: (bits & 2) !== 0 }
}

export function publish(channel: Channel, publication: Publication, content: Content): void {
  const { vhost, user } = channel.host
  const { exchange: name, routingKey, mandatory } = publication
  if (publication.immediate) throw connectionError(540, 'immediate=true')
  authorize(user, vhost.name, 'write', 'exchange', name)
  if (name !== '') {
    const { spec } = vhost.exchange(name)
    if (spec.type === 'topic') authorizeTopic(user, vhost.name, 'write', name, routingKey)
    if (spec.internal) throw channelError(403, `cannot publish to internal ${vhost.where('exchange', name)}`)
  }
  const { frames } = content
  checkProperties(frames, propertiesAt, propertiesEnd(frames))
  const message = new Message(name, routingKey, publication.address, content)
  checkClaims(message, user)
  if (message.has('headers')) {
    readCopies(message)
    // As RabbitMQ 4 has it; 3.x looks at the routing key alone.
    if (name !== '' && vhost.exchange(name).spec.type === 'topic')
      for (const key of message.copies) authorizeTopic(user, vhost.name, 'write', name, key)
  }
  if (message.has('replyTo')) nameReplyTo(channel, message)
  channel.counts.publish++
  const queues = vhost.route(message)
  if (name === '') {
    if (isReplyKey(routingKey)) deliverReply(channel, routingKey, message)
    for (const key of message.copies) if (isReplyKey(key)) deliverReply(channel, key, message)
  }
  if (channel.transaction) channel.transaction.publish(message, queues, mandatory)
  else {
    const routed = deliver(channel, message, queues, mandatory)
    if (routed.refused) channel.confirms?.refused()
    else channel.confirms?.published(routed.stored)
  }
}

/** To the queues found for it, or back to its sender. */
export function deliver(channel: Channel, message: Message, queues: Set<Queue>, mandatory: boolean): Routed {
  const routed = channel.host.vhost.deliver(message, queues)
  if (routed.queues === 0) {
    if (mandatory) sendReturn(channel, message)
    else channel.counts.dropUnroutable++
  }
  return routed
}

function checkClaims(message: Message, user: User): void {
  if (message.has('userId')) {
    const { userId } = message.properties
    if (userId !== user.name && !user.tags.includes('impersonator'))
      throw channelError(406, `user_id property set to '${userId}' but authenticated user was '${user.name}'`)
  }
  // Reading it checks it; the queue must not meet a bad one.
  if (message.has('expiration')) void message.expirationMs
}

/** Receivers see CC; BCC is for the broker alone. */
function readCopies(message: Message): void {
  if (!mayNameCopies(message.content)) return
  const { headers = {} } = message.properties
  message.copies = copiesOf(headers)
  if (headers.BCC !== undefined)
    message.replaceContent(editContent(message.content, { headers: { BCC: undefined } }))
}

function sendReturn(channel: Channel, message: Message): void {
  const { exchange, routingKey } = message
  channel.counts.returnUnroutable++
  channel.reply('basic.return', { replyCode: 312, replyText: 'NO_ROUTE', exchange, routingKey })
  channel.outbox.content(channel.number, message.content)
}
