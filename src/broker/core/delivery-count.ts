// x-delivery-count: how often a quorum queue has given a message to consumers that gave it back.
// https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling
import { bodyOf, makeContent } from '#kit/amqp/content.ts'
import { Message } from './message.ts'

/** Made by us; each receiver's own limit is applied when it is sent. */
const frameMax = 131072

export function withDeliveryCount(message: Message, count: number): Message {
  const { content, address, properties } = message
  const headers = { ...properties.headers, 'x-delivery-count': count }
  return new Message(
    undefined,
    undefined,
    address,
    makeContent({ ...properties, headers }, bodyOf(content), frameMax),
  )
}
