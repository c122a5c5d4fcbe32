// A basic.consume of a channel: takes a queue's entries and sends them to the client.
import { frameType } from '#kit/amqp/protocol.ts'
import type { Table } from '#kit/amqp/table.ts'
import type { Message } from '../core/message.ts'
import type { Consumer, Entry, Queue } from '../core/queue.ts'
import type { Channel } from './channel.ts'

/** basic.deliver: class 60, method 60. */
const deliverMethod = 0x003c003c

export type ConsumerOptions = {
  noAck: boolean
  exclusive: boolean
  /** 0 is no limit. */
  prefetch: number
  arguments: Table
}

export class ChannelConsumer implements Consumer {
  readonly channel: Channel
  readonly queue: Queue
  readonly tag: string
  readonly noAck: boolean
  readonly exclusive: boolean
  /** 0 is no limit; fixed when the consumer starts. */
  readonly prefetch: number
  readonly arguments: Table
  /** x-priority: those with a higher one are served first. */
  readonly priority: number
  unacked = 0
  readonly #tagOctets: Buffer

  constructor(channel: Channel, queue: Queue, tag: string, options: ConsumerOptions) {
    this.channel = channel
    this.queue = queue
    this.tag = tag
    this.noAck = options.noAck
    this.exclusive = options.exclusive
    this.prefetch = options.prefetch
    this.arguments = options.arguments
    this.priority = Number(options.arguments['x-priority'] ?? 0)
    this.#tagOctets = tagOctets(tag)
  }

  get ready(): boolean {
    if (!this.channel.delivers) return false
    if (this.noAck) return true
    return (this.prefetch === 0 || this.unacked < this.prefetch) && this.channel.hasRoom
  }

  deliver(entry: Entry): void {
    const { channel, noAck } = this
    const tag = channel.nextDeliveryTag()
    if (noAck) channel.counts.deliverNoAck++
    else {
      channel.counts.deliver++
      channel.remember({ tag, entry, queue: this.queue, consumer: this })
    }
    if (entry.redelivered) channel.counts.redeliver++
    writeDelivery(channel, this.#tagOctets, tag, entry.redelivered, entry.message)
  }

  cancelled(): void {
    this.channel.consumerCancelled(this)
  }
}

/** A consumer tag as a short string. */
export function tagOctets(tag: string): Buffer {
  const text = Buffer.from(tag)
  return Buffer.concat([Buffer.from([text.length]), text])
}

export function writeDelivery(
  channel: Channel,
  consumerTag: Buffer,
  deliveryTag: number,
  redelivered: boolean,
  message: Message,
): void {
  const { outbox } = channel
  const payloadAt = outbox.open(frameType.method, channel.number)
  const { writer } = outbox
  writer.long(deliverMethod)
  writer.bytes(consumerTag)
  writer.longlong(deliveryTag)
  writer.octet(redelivered ? 1 : 0)
  writer.bytes(message.address)
  outbox.close(payloadAt)
  outbox.content(channel.number, message.content)
}
