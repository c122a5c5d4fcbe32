// basic.publish: read without an object per field, routed, confirmed, or returned.
import type { Content } from '#kit/amqp/content.ts'
import { Cursor } from '#kit/amqp/cursor.ts'
import { channelError, connectionError } from '#kit/amqp/error.ts'
import { Message } from '../core/message.ts'
import type { Channel } from './channel.ts'
import { authorize } from './user.ts'

/** basic.publish: class 60, method 40. */
const publishMethod = 0x003c0028

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
  const exchange = cursor.shortstr()
  const routingKey = cursor.shortstr()
  const address = buffer.subarray(addressAt, cursor.at)
  const bits = cursor.octet()
  return { exchange, routingKey, address, mandatory: (bits & 1) !== 0, immediate: (bits & 2) !== 0 }
}

export function publish(channel: Channel, publication: Publication, content: Content): void {
  const { vhost, user } = channel.host
  const { exchange, routingKey } = publication
  if (publication.immediate) throw connectionError(540, 'immediate=true')
  authorize(user, vhost.name, 'write', 'exchange', exchange)
  if (exchange !== '' && vhost.exchange(exchange).spec.internal)
    throw channelError(403, `cannot publish to internal ${vhost.where('exchange', exchange)}`)
  const message = new Message(exchange, routingKey, publication.address, content)
  checkProperties(message, user.name)
  const routed = vhost.publish(message)
  if (routed.queues === 0 && publication.mandatory) sendReturn(channel, message)
  if (routed.refused) channel.confirms?.refused()
  else channel.confirms?.published(routed.stored)
}

function checkProperties(message: Message, userName: string): void {
  if (message.has('userId') && message.properties.userId !== userName)
    throw channelError(
      406,
      `user_id property set to '${message.properties.userId}' but authenticated user was '${userName}'`,
    )
  // Reading it checks it; the queue must not meet a bad one.
  if (message.has('expiration')) void message.expirationMs
}

function sendReturn(channel: Channel, message: Message): void {
  const { exchange, routingKey } = message
  channel.reply('basic.return', { replyCode: 312, replyText: 'NO_ROUTE', exchange, routingKey })
  channel.outbox.content(channel.number, message.content)
}
