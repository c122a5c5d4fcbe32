// A basic.consume of a channel: takes a queue's entries and sends them to the client.
import { frameType } from '#kit/amqp/protocol.ts'
import type { Consumer, Entry, Queue } from '../core/queue.ts'
import type { Channel } from './channel.ts'

/** basic.deliver: class 60, method 60. */
const deliverMethod = 0x003c003c

export class ChannelConsumer implements Consumer {
  readonly channel: Channel
  readonly queue: Queue
  readonly tag: string
  readonly noAck: boolean
  readonly exclusive: boolean
  /** 0 is no limit; fixed when the consumer starts. */
  readonly prefetch: number
  unacked = 0
  readonly #tagOctets: Buffer

  constructor(
    channel: Channel,
    queue: Queue,
    tag: string,
    options: { noAck: boolean; exclusive: boolean; prefetch: number },
  ) {
    this.channel = channel
    this.queue = queue
    this.tag = tag
    this.noAck = options.noAck
    this.exclusive = options.exclusive
    this.prefetch = options.prefetch
    const text = Buffer.from(tag)
    this.#tagOctets = Buffer.concat([Buffer.from([text.length]), text])
  }

  get ready(): boolean {
    if (!this.channel.delivers) return false
    if (this.noAck) return true
    return (this.prefetch === 0 || this.unacked < this.prefetch) && this.channel.hasRoom
  }

  deliver(entry: Entry): void {
    const { channel } = this
    const tag = channel.nextDeliveryTag()
    if (!this.noAck) channel.remember(tag, { entry, queue: this.queue, consumer: this })
    const { outbox } = channel
    const payloadAt = outbox.open(frameType.method, channel.number)
    const { writer } = outbox
    writer.long(deliverMethod)
    writer.bytes(this.#tagOctets)
    writer.longlong(tag)
    writer.octet(entry.redelivered ? 1 : 0)
    writer.bytes(entry.message.address)
    outbox.close(payloadAt)
    outbox.content(channel.number, entry.message.content)
  }

  cancelled(): void {
    this.channel.consumerCancelled(this)
  }
}
