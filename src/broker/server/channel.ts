// One channel: its deliveries that wait for an answer, its consumers, and the message that is arriving on it.
import { type Content, ContentAssembler } from '#kit/amqp/content.ts'
import { channelError, connectionError } from '#kit/amqp/error.ts'
import { readMethod } from '#kit/amqp/method.ts'
import type { MethodInput, MethodName } from '#kit/amqp/methods.ts'
import type { Outbox } from '#kit/amqp/outbox.ts'
import { frameType } from '#kit/amqp/protocol.ts'
import type { Cancel } from '#kit/world/world.ts'
import { MessageCounts } from '../core/count.ts'
import type { Entry, Queue } from '../core/queue.ts'
import type { Vhost } from '../core/vhost.ts'
import type { Store } from '../store/store.ts'
import type { Confirms } from './confirm.ts'
import type { ChannelConsumer } from './consumer.ts'
import { handlers } from './handlers.ts'
import { type Publication, publish, readPublication } from './publish.ts'
import { endReplies, type ReplyChannels, type ReplyConsumer } from './reply-to.ts'
import type { Transaction } from './transaction.ts'
import type { User } from './user.ts'

/** RabbitMQ's default of max_message_size. */
const largestBody = 128 * 1024 * 1024

export type Delivery = {
  readonly tag: number
  readonly entry: Entry
  readonly queue: Queue
  readonly consumer: ChannelConsumer | undefined
}

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
  readonly replyChannels: ReplyChannels
  randomName(prefix: string): string
  /** The answer that the channel waited with has gone out: what came meanwhile can be looked at. */
  answered(channel: Channel): void
  /** The channel has its first delivery to be answered: somebody should watch how long that takes. */
  delivering(channel: Channel): void
}

export class Channel {
  readonly number: number
  readonly host: ChannelHost
  readonly counts: MessageCounts = new MessageCounts()
  readonly consumers: Map<string, ChannelConsumer> = new Map()
  /** By delivery tag, rising. */
  readonly unacked: Map<number, Delivery> = new Map()
  confirms: Confirms | undefined
  transaction: Transaction | undefined
  replyConsumer: ReplyConsumer | undefined
  /** For consumers that start from now on. */
  prefetch = 0
  /** For all of the channel together. */
  globalPrefetch = 0
  closed = false
  /** An answer waits for the disk: whatever the client sends after its question comes after the answer. */
  waiting = false
  /** Ends the look at how old its deliveries are; undefined while nobody looks. */
  watch: Cancel | undefined
  /** For methods that name no queue. */
  lastQueue = ''
  #deliveryTag = 0
  readonly #assembler = new ContentAssembler()
  #publication: Publication | undefined
  #inBody = false
  #givenBefore = 0

  constructor(number: number, host: ChannelHost) {
    this.number = number
    this.host = host
  }

  get outbox(): Outbox {
    return this.host.outbox
  }

  get delivers(): boolean {
    return !this.closed && this.host.reading
  }

  get hasRoom(): boolean {
    if (this.globalPrefetch === 0) return true
    const held = this.unacked.size + (this.transaction?.deliveries.length ?? 0)
    return held < this.globalPrefetch
  }

  get lastDeliveryTag(): number {
    return this.#deliveryTag
  }

  reply<N extends MethodName>(name: N, fields: MethodInput<N>): void {
    this.outbox.method(this.number, name, fields)
  }

  /**
   * If the method has changed something durable, its answer waits for the disk, and the channel with it. If it has
   * not, others' messages on their way to the disk are none of its business.
   */
  replyWhenSafe<N extends MethodName>(name: N, fields: MethodInput<N>): void {
    const { store } = this.host
    const { given } = store
    if (given === this.#givenBefore || store.safe >= given) {
      this.reply(name, fields)
      return
    }
    this.waiting = true
    store.whenSafe(given, () => {
      this.waiting = false
      if (this.closed) return
      this.reply(name, fields)
      this.host.answered(this)
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

  remember(delivery: Delivery): void {
    this.unacked.set(delivery.tag, delivery)
    if (delivery.consumer) delivery.consumer.unacked++
    if (!this.watch) this.host.delivering(this)
  }

  /** Deliveries whose answers were rolled back wait for new ones. */
  restore(deliveries: Delivery[]): void {
    if (deliveries.length === 0) return
    const all = [...this.unacked.values(), ...deliveries].sort((a, b) => a.tag - b.tag)
    this.unacked.clear()
    for (const delivery of all) this.unacked.set(delivery.tag, delivery)
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
    if (!this.host.cancelNotify) return
    const { store } = this.host
    const tell = () => {
      if (!this.closed) this.reply('basic.cancel', { consumerTag: consumer.tag, noWait: true })
    }
    // After the answer to whoever deleted the queue, who may be on this channel: that waits for the disk too.
    queueMicrotask(() => store.whenSafe(store.given, tell))
  }

  /** Everything that it held goes back; nothing is sent. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.watch?.()
    this.confirms?.close()
    endReplies(this)
    this.host.vhost.pastCounts.add(this.counts)
    this.#assembler.clear()
    for (const consumer of [...this.consumers.values()]) this.removeConsumer(consumer)
    if (this.transaction) this.restore(this.transaction.deliveries)
    this.transaction = undefined
    this.requeue([...this.unacked.values()])
    this.unacked.clear()
  }

  #method(buffer: Buffer, start: number, end: number): void {
    if (this.#publication)
      throw connectionError(
        505,
        `expected content ${this.#inBody ? 'body' : 'header for class 60'}, got non content ${this.#inBody ? 'body' : 'header'} frame instead`,
      )
    this.#publication = readPublication(buffer, start, end)
    if (this.#publication) return
    const method = readMethod(buffer, start, end)
    this.#givenBefore = this.host.store.given
    const handle = handlers[method.name]
    if (!handle) throw connectionError(503, 'unimplemented method')
    // The table pairs each name with the handler of its fields; TypeScript can't see it through the lookup.
    handle(this, method.fields as never)
  }

  #header(buffer: Buffer, start: number, end: number): void {
    if (!this.#publication) throw connectionError(505, 'expected method frame, got non method frame instead')
    if (this.#inBody) throw connectionError(505, 'expected content body, got non content body frame instead')
    this.#inBody = true
    const content = this.#assembler.header(buffer, start, end)
    const { bodySize } = this.#assembler
    if (bodySize > largestBody) {
      this.#publication = undefined
      this.#inBody = false
      this.#assembler.clear()
      throw channelError(406, `message size ${bodySize} is larger than configured max size ${largestBody}`)
    }
    if (content) this.#arrived(content)
  }

  #body(buffer: Buffer, start: number, end: number): void {
    if (!this.#publication) throw connectionError(505, 'expected method frame, got non method frame instead')
    if (!this.#inBody)
      throw connectionError(505, 'expected content header for class 60, got non content header frame instead')
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
