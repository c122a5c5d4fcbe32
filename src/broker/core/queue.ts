// A queue: messages in order, consumers in turn. Knows nothing of connections; a consumer is whatever takes entries.
// Messages lie in the store, placed there before they are pushed; a queue has their positions and lets go of each once.

import type { Table } from '#kit/amqp/table.ts'
import type { World } from '#kit/world/world.ts'
import type { Segment, SegmentTable } from '../store/segment.ts'
import type { RestoredMessage } from '../store/store.ts'
import { Consumers } from './consumers.ts'
import { MessageCounts } from './count.ts'
import { withDeliveryCount } from './delivery-count.ts'
import { Entry } from './entry.ts'
import type { Message } from './message.ts'
import type { Policy } from './policy.ts'
import type { QueueLimits } from './queue-argument.ts'
import { QueueClock } from './queue-clock.ts'
import type { QueueShape } from './queue-shape.ts'
import { Ready } from './ready.ts'

export type { Entry } from './entry.ts'

export type Consumer = {
  readonly noAck: boolean
  readonly exclusive: boolean
  /** Higher ones come first, as long as they are ready. */
  readonly priority: number
  /** Its prefetch isn't used up and its peer reads. */
  readonly ready: boolean
  /** With `noAck` the entry is the queue's own and must not be kept. */
  deliver(entry: Entry): void
  /** The queue is gone. */
  cancelled(): void
}

export type DropReason = 'expired' | 'rejected' | 'maxlen' | 'delivery_limit'

export type QueueSpec = {
  name: string
  durable: boolean
  exclusive: boolean
  autoDelete: boolean
  arguments: Table
}

/** What a queue needs of its virtual host. */
export type QueueHost = {
  readonly world: World
  readonly segments: SegmentTable
  /** The queue gives up on a message: its dead-letter exchange may want it. */
  deadLetter(queue: Queue, message: Message, reason: DropReason): void
  /** Unused: auto-delete or x-expires says that it goes. */
  unused(queue: Queue): void
}

/** Messages that expire at a time: each may have to be dead-lettered. */
const expireMost = 500

export class Queue {
  readonly kind = 'queue'
  readonly spec: QueueSpec
  limits: QueueLimits
  readonly shape: QueueShape
  /** Those from which `limits` came, besides its arguments. */
  policy: Policy | undefined
  operatorPolicy: Policy | undefined
  /** Its number in the store, never used twice. */
  readonly id: number
  /** The connection that alone may use it. */
  readonly owner: object | undefined
  readonly counts: MessageCounts = new MessageCounts()
  unacked = 0
  unackedBytes = 0
  /** Of the unacknowledged ones. */
  #unackedPersistent = { count: 0, bytes: 0 }
  deleted = false
  readonly #host: QueueHost
  readonly #ready: Ready
  readonly #consumers: Consumers
  /** What consumers that don't acknowledge are given. */
  readonly #passing: Entry
  /** Whose turn it was when a message turned out to need a place in the store. */
  #chosen: Consumer | undefined
  readonly #clock: QueueClock
  #dispatching = false
  #endActivity: (() => void) | undefined
  #lastActive = { at: 0, count: -1 }

  constructor(
    host: QueueHost,
    id: number,
    spec: QueueSpec,
    shape: QueueShape,
    limits: QueueLimits,
    owner: object | undefined,
  ) {
    this.#host = host
    this.id = id
    this.spec = spec
    this.shape = shape
    this.limits = limits
    this.owner = owner
    this.#ready = new Ready(host.segments, shape.maxPriority)
    this.#consumers = new Consumers(shape.singleActiveConsumer)
    this.#passing = new Entry(host.segments, undefined, 0, {
      position: 0,
      bodySize: 0,
      persistent: false,
      priority: 0,
      expiresAt: Infinity,
      redelivered: false,
    })
    this.#clock = new QueueClock(
      host.world,
      () => {
        this.#trim()
        this.dispatch()
      },
      () => host.unused(this),
    )
    this.used()
  }

  get name(): string {
    return this.spec.name
  }

  /** Its definition and persistent messages outlive the broker's process. */
  get stored(): boolean {
    return this.spec.durable
  }

  /** Whether a message in it outlives the process: a quorum queue keeps what isn't persistent too. */
  keeps(message: Message): boolean {
    return this.stored && (message.persistent || this.shape.quorum)
  }

  get consumers(): readonly Consumer[] {
    return this.#consumers.all
  }

  /** With a single active consumer, that one. */
  get activeConsumer(): Consumer | undefined {
    return this.#consumers.active
  }

  /** Those that wait for a consumer. */
  get messageCount(): number {
    return this.#ready.length
  }

  /** Octets of bodies, as for all that counts octets here. */
  get readyBytes(): number {
    return this.#ready.bytes
  }

  /** Ready and unacknowledged ones that outlive the process, or would if the queue did. */
  get persistentCount(): number {
    return this.#ready.persistentLength + this.#unackedPersistent.count
  }

  get persistentBytes(): number {
    return this.#ready.persistentBytes + this.#unackedPersistent.bytes
  }

  /** Milliseconds since the epoch: when it was seen to have done something since it was last asked. */
  get idleSince(): number {
    const { publish, deliver, deliverNoAck, get, getNoAck, getEmpty, ack, redeliver } = this.counts
    const count = publish + deliver + deliverNoAck + get + getNoAck + getEmpty + ack + redeliver
    if (count !== this.#lastActive.count) this.#lastActive = { at: this.#host.world.clock.now(), count }
    return this.#lastActive.at
  }

  /** Whether `x-overflow: reject-publish` refuses one more message now. */
  get refuses(): boolean {
    return this.limits.rejectPublish && this.#over(1)
  }

  /** Where nothing waits before it, to a consumer that acknowledges nothing: then it needs no place in the store. */
  handOver(message: Message): boolean {
    if (this.#dispatching || this.#ready.length > 0) return false
    const consumer = this.#consumers.next()
    if (!consumer) return false
    if (!consumer.noAck) {
      this.#chosen = consumer
      return false
    }
    this.counts.publish++
    this.counts.deliverNoAck++
    this.#passing.carry(message)
    consumer.deliver(this.#passing)
    this.#passing.carry(undefined)
    return true
  }

  /** A message that has its place in the store. */
  push(message: Message): void {
    const now = this.#host.world.clock.now()
    const { content, persistent } = message
    const ttl = Math.min(this.limits.messageTtlMs ?? Infinity, message.expirationMs ?? Infinity)
    const backlog = this.#ready.of(this.shape.maxPriority > 0 ? message.priority : 0)
    const chosen = this.#chosen
    this.#chosen = undefined
    this.counts.publish++
    const kept = persistent || this.shape.quorum
    if (chosen) {
      const facts = {
        position: backlog.nextPosition(),
        bodySize: content.bodySize,
        persistent: kept,
        priority: backlog.priority,
        expiresAt: now + ttl,
        redelivered: false,
      }
      this.#deliver(chosen, new Entry(this.#host.segments, message.segment, message.entry, facts), message)
      this.#mark()
      return
    }
    backlog.push(message.segment!, message.entry, content.bodySize, kept, now + ttl, false)
    this.dispatch()
    this.#trim()
  }

  /** As it was before the broker's last start. It may have been delivered then: only the flag tells a consumer so. */
  restore(message: RestoredMessage): void {
    const ttl = this.limits.messageTtlMs ?? Infinity
    const expiresAt = Math.min(message.expiresAt, message.publishedAt + ttl)
    const { segment, entry, bodySize, returns } = message
    this.#ready.of(message.priority).push(segment, entry, bodySize, true, expiresAt, true, returns)
  }

  /** In force for what is there too, except a shorter time to live: messages keep the one they came with. */
  setLimits(limits: QueueLimits): void {
    this.limits = limits
    this.used()
    this.#trim()
  }

  /** For basic.get. */
  take(noAck = false): Entry | undefined {
    this.used()
    for (;;) {
      this.#dropExpired(Infinity)
      const entry = this.#ready.shift()
      if (!entry) {
        this.counts.getEmpty++
        this.#mark()
        return undefined
      }
      const message = entry.load()
      if (!message) {
        this.#lose(entry)
        continue
      }
      if (noAck) this.counts.getNoAck++
      else this.counts.get++
      this.#give(entry, message)
      this.#trim()
      return entry
    }
  }

  addConsumer(consumer: Consumer): void {
    this.#consumers.add(consumer)
    this.used()
    this.dispatch()
    this.#mark()
  }

  removeConsumer(consumer: Consumer): void {
    if (!this.#consumers.remove(consumer)) return
    this.#mark()
    if (this.consumers.length > 0) this.dispatch()
    else if (this.spec.autoDelete) this.#host.unused(this)
    else this.used()
  }

  /** The consumer or getter is done with an entry; `acked` where it said so. */
  settle(entry: Entry, acked = true): void {
    this.#takeBack(entry)
    if (acked) this.counts.ack++
    this.#release(entry)
    this.#mark()
  }

  reject(entry: Entry): void {
    this.#takeBack(entry)
    this.#done(entry, this.deleted ? undefined : 'rejected')
    this.#mark()
  }

  /** Back to where they were, in any order. */
  requeue(entries: readonly Entry[]): void {
    const { deliveryLimit = Infinity } = this.limits
    for (const entry of entries) {
      this.#takeBack(entry)
      if (this.deleted) {
        this.#release(entry)
        continue
      }
      entry.redelivered = true
      if (this.shape.quorum) {
        entry.returns++
        entry.resolve()
        this.#host.segments.returned(entry.segment!, entry.number, this.stored ? this.id : 0)
      }
      if (entry.returns > deliveryLimit) this.#done(entry, 'delivery_limit')
      else this.#ready.giveBack(entry)
    }
    if (!this.deleted) {
      this.#dropExpired()
      this.dispatch()
      this.#trim()
    }
    this.#mark()
  }

  purge(): number {
    const count = this.#ready.length
    this.#ready.drain((segment, entry) => this.#releasePlace(segment, entry))
    this.#mark()
    return count
  }

  /** The queue itself is recorded as gone, so nothing is for its messages. Gives how many there were. */
  close(): number {
    this.deleted = true
    this.#clock.stop()
    const count = this.#ready.length
    this.#ready.drain((segment, entry) => this.#host.segments.release(segment, entry, 0))
    for (const consumer of [...this.consumers]) {
      this.#consumers.remove(consumer)
      consumer.cancelled()
    }
    this.#mark()
    return count
  }

  /** The broker ends: all stays as it is, and no timer keeps the process waiting for it. */
  rest(): void {
    this.#clock.stop()
  }

  /** Gives ready messages to ready consumers, in turn. */
  dispatch(): void {
    if (this.#dispatching || this.consumers.length === 0 || this.#ready.length === 0) return
    this.#dispatching = true
    try {
      while (this.#ready.length > 0) {
        const consumer = this.#consumers.next()
        if (!consumer || !this.#dropExpired()) break
        const entry = this.#ready.shift()
        if (!entry) break
        const message = entry.load()
        if (message) this.#deliver(consumer, entry, message)
        else this.#lose(entry)
      }
    } finally {
      this.#dispatching = false
    }
    this.#dropExpired()
    this.#watchExpiry()
    this.#mark()
  }

  /** Starts the clock of x-expires anew: declared again, read from, or its last consumer left. */
  used(): void {
    this.#clock.expectDisuse(this.consumers.length > 0 ? undefined : this.limits.expiresMs)
  }

  #deliver(consumer: Consumer, entry: Entry, message: Message): void {
    const { noAck } = consumer
    if (noAck) this.counts.deliverNoAck++
    else this.counts.deliver++
    this.#give(entry, message)
    consumer.deliver(entry)
    // From here on the store has it: what waits for an acknowledgement costs a few words.
    entry.carry(undefined)
    if (!noAck) return
    this.#takeBack(entry)
    this.#release(entry)
  }

  #give(entry: Entry, message: Message): void {
    if (entry.redelivered) this.counts.redeliver++
    entry.carry(entry.returns > 0 ? withDeliveryCount(message, entry.returns) : message)
    this.unacked++
    this.unackedBytes += entry.bodySize
    if (entry.persistent) this.#countPersistent(1, entry)
  }

  #takeBack(entry: Entry): void {
    entry.carry(undefined)
    this.unacked--
    this.unackedBytes -= entry.bodySize
    if (entry.persistent) this.#countPersistent(-1, entry)
  }

  #countPersistent(sign: 1 | -1, { bodySize }: Entry): void {
    this.#unackedPersistent.count += sign
    this.#unackedPersistent.bytes += sign * bodySize
  }

  /** It has left the queue for good. */
  #done(entry: Entry, reason: DropReason | undefined): void {
    if (reason && this.limits.deadLetterExchange !== undefined) {
      // The dead letter is stored before the original is let go of: a crash in between leaves both, never none.
      const message = entry.load()
      if (message) this.#host.deadLetter(this, message, reason)
    }
    this.#release(entry)
  }

  #release(entry: Entry): void {
    if (entry.segment) this.#releasePlace(entry.segment, entry.number)
  }

  #releasePlace(segment: Segment, entry: number): void {
    this.#host.segments.release(segment, entry, this.stored ? this.id : 0)
  }

  /** What the disk no longer has stays unacknowledged there: its file may be mended. */
  #lose(entry: Entry): void {
    this.#host.segments.release(entry.segment!, entry.number, 0)
  }

  #over(more: number): boolean {
    const { maxLength, maxBytes } = this.limits
    if (maxLength === undefined && maxBytes === undefined) return false
    return this.#ready.length + more > (maxLength ?? Infinity) || this.#ready.bytes > (maxBytes ?? Infinity)
  }

  #drop(reason: DropReason): void {
    const entry = this.#ready.shift()
    if (entry) this.#done(entry, reason)
  }

  /** What is over its time or the queue's limits goes; the clock is set for what goes next. */
  #trim(): void {
    if (this.#ready.length > 0) {
      this.#dropExpired()
      if (!this.limits.rejectPublish && this.#over(0)) {
        while (this.#ready.length > 0 && this.#over(0)) this.#drop('maxlen')
        this.#dropExpired()
      }
      this.#watchExpiry()
    }
    this.#mark()
  }

  /** False where there are more than `most`: the clock brings the next, and others have their turn meanwhile. */
  #dropExpired(most: number = expireMost): boolean {
    if (this.#ready.expiresAt === Infinity) return true
    const now = this.#host.world.clock.now()
    for (let left = most; this.#ready.expiresAt <= now; left--) {
      if (left === 0) return false
      this.#drop('expired')
    }
    return true
  }

  /** As in RabbitMQ only the head expires: a message waits for those before it. */
  #watchExpiry(): void {
    if (!this.deleted) this.#clock.expectExpiry(this.#ready.expiresAt)
  }

  /** A message that somebody will take, or has taken and not settled, is work in flight. */
  #mark(): void {
    const busy = !this.deleted && (this.unacked > 0 || (this.#ready.length > 0 && this.consumers.length > 0))
    if (busy === (this.#endActivity !== undefined)) return
    if (busy) this.#endActivity = this.#host.world.activity.begin()
    else {
      this.#endActivity?.()
      this.#endActivity = undefined
    }
  }
}
