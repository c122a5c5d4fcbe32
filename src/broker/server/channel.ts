// One channel: its deliveries that wait for an answer, its consumers, and the message that is arriving on it.
import { type Content, ContentAssembler } from '#kit/amqp/content.ts'
import { channelError, connectionError } from '#kit/amqp/error.ts'
import { readMethod } from '#kit/amqp/method.ts'
import type { MethodInput, MethodName } from '#kit/amqp/methods.ts'
import type { Outbox } from '#kit/amqp/outbox.ts'
import { frameType } from '#kit/amqp/protocol.ts'
import type { Entry, Queue } from '../core/queue.ts'
import type { Vhost } from '../core/vhost.ts'
import type { Store } from '../store/store.ts'
import type { Confirms } from './confirm.ts'
import type { ChannelConsumer } from './consumer.ts'
import { handlers } from './handlers.ts'
import { type Publication, publish, readPublication } from './publish.ts'
import type { User } from './user.ts'

/** RabbitMQ's default of max_message_size. */
const largestBody = 128 * 1024 * 1024

export type Delivery = { entry: Entry; queue: Queue; consumer: ChannelConsumer | undefined }

/** What a channel sees of its connection. */
export type ChannelHost = {
  readonly outbox: Outbox
  readonly vhost: Vhost
  readonly user: User
  readonly store: Store
  /** Whose exclusive queues are whose. */
  readonly session: object
  readonly name: string
  readonly cancelNotify: boolean
  readonly reading: boolean
  randomName(prefix: string): string
}

export class Channel {
  readonly number: number
  readonly host: ChannelHost
  readonly consumers: Map<string, ChannelConsumer> = new Map()
  readonly unacked: Map<number, Delivery> = new Map()
  confirms: Confirms | undefined
  /** For consumers that start from now on. */
  prefetch = 0
  /** For all of the channel together. */
  globalPrefetch = 0
  flowing = true
  closed = false
  /** For methods that name no queue. */
  lastQueue = ''
  #deliveryTag = 0
  readonly #assembler = new ContentAssembler()
  #publication: Publication | undefined
  #inBody = false

  constructor(number: number, host: ChannelHost) {
    this.number = number
    this.host = host
  }

  get outbox(): Outbox {
    return this.host.outbox
  }

  get delivers(): boolean {
    return this.flowing && !this.closed && this.host.reading
  }

  get hasRoom(): boolean {
    return this.globalPrefetch === 0 || this.unacked.size < this.globalPrefetch
  }

  reply<N extends MethodName>(name: N, fields: MethodInput<N>): void {
    this.outbox.method(this.number, name, fields)
  }

  /** After a change of something durable the answer waits for the disk. */
  replyWhenSafe<N extends MethodName>(name: N, fields: MethodInput<N>): void {
    const { store } = this.host
    store.whenSafe(store.given, () => {
      if (!this.closed) this.reply(name, fields)
    })
  }

  frame(type: number, buffer: Buffer, start: number, end: number): void {
    if (type === frameType.method) this.#method(buffer, start, end)
    else if (type === frameType.header) this.#header(buffer, start, end)
    else this.#body(buffer, start, end)
  }

  nextDeliveryTag(): number {
    return ++this.#deliveryTag
  }

  remember(tag: number, delivery: Delivery): void {
    this.unacked.set(tag, delivery)
    if (delivery.consumer) delivery.consumer.unacked++
  }

  /** Takes the deliveries that an acknowledgement names; 0 with `multiple` is all. Throws 406 for a tag not known. */
  takeDeliveries(tag: number, multiple: boolean): Delivery[] {
    const taken: Delivery[] = []
    if (!multiple) {
      const delivery = this.unacked.get(tag)
      if (!delivery) throw channelError(406, `unknown delivery tag ${tag}`)
      this.unacked.delete(tag)
      taken.push(delivery)
    } else {
      if (tag !== 0 && !this.unacked.has(tag) && tag > this.#deliveryTag)
        throw channelError(406, `unknown delivery tag ${tag}`)
      for (const [each, delivery] of this.unacked) {
        if (tag !== 0 && each > tag) break
        this.unacked.delete(each)
        taken.push(delivery)
      }
      if (taken.length === 0 && tag !== 0) throw channelError(406, `unknown delivery tag ${tag}`)
    }
    for (const { consumer } of taken) if (consumer) consumer.unacked--
    return taken
  }

  /** Gives deliveries back to their queues, each queue's together. */
  requeue(deliveries: Delivery[]): void {
    const byQueue = new Map<Queue, Entry[]>()
    for (const { queue, entry } of deliveries) {
      const entries = byQueue.get(queue)
      if (entries) entries.push(entry)
      else byQueue.set(queue, [entry])
    }
    // The last first: each then goes to the front.
    for (const [queue, entries] of byQueue) queue.requeue(entries.reverse())
  }

  /** Prefetch has room again, or the peer reads again. */
  resume(of?: Iterable<Queue>): void {
    // With a limit for the whole channel any of its queues may go on.
    const queues =
      of && this.globalPrefetch === 0 ? of : [...this.consumers.values()].map(({ queue }) => queue)
    for (const queue of new Set(queues)) queue.dispatch()
  }

  removeConsumer(consumer: ChannelConsumer): void {
    this.consumers.delete(consumer.tag)
    consumer.queue.removeConsumer(consumer)
  }

  consumerCancelled(consumer: ChannelConsumer): void {
    this.consumers.delete(consumer.tag)
    if (this.host.cancelNotify && !this.closed)
      this.reply('basic.cancel', { consumerTag: consumer.tag, noWait: true })
  }

  /** Everything that it held goes back; nothing is sent. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.confirms?.close()
    for (const consumer of [...this.consumers.values()]) this.removeConsumer(consumer)
    this.requeue([...this.unacked.values()])
    this.unacked.clear()
  }

  #method(buffer: Buffer, start: number, end: number): void {
    if (this.#publication) throw connectionError(505, 'expected content header or body, got a method frame')
    this.#publication = readPublication(buffer, start, end)
    if (this.#publication) return
    const method = readMethod(buffer, start, end)
    const handle = handlers[method.name]
    if (!handle) throw connectionError(503, `${method.name} is not for a server`)
    // The table pairs each name with the handler of its fields; TypeScript can't see it through the lookup.
    handle(this, method.fields as never)
  }

  #header(buffer: Buffer, start: number, end: number): void {
    if (!this.#publication || this.#inBody)
      throw connectionError(505, 'expected a method frame, got a content header')
    this.#inBody = true
    const content = this.#assembler.header(buffer, start, end)
    if (this.#assembler.bodySize > largestBody) {
      this.#publication = undefined
      this.#inBody = false
      throw channelError(
        406,
        `message size ${this.#assembler.bodySize} is larger than configured max size ${largestBody}`,
      )
    }
    if (content) this.#arrived(content)
  }

  #body(buffer: Buffer, start: number, end: number): void {
    if (!this.#inBody) throw connectionError(505, 'expected a method frame, got a content body')
    const content = this.#assembler.body(buffer, start, end)
    if (content) this.#arrived(content)
  }

  #arrived(content: Content): void {
    const publication = this.#publication!
    this.#publication = undefined
    this.#inBody = false
    publish(this, publication, content)
  }
}
