// A queue: messages in order, consumers in turn. Knows nothing of connections; a consumer is whatever takes entries.

import type { Table } from '#kit/amqp/table.ts'
import type { Cancel, World } from '#kit/world/world.ts'
import { Deque } from './deque.ts'
import type { Message } from './message.ts'
import type { Policy } from './policy.ts'
import type { QueueLimits } from './queue-argument.ts'

/** One message in one queue. */
export type Entry = {
  readonly message: Message
  /** Order of arrival; a requeued entry goes back to it. */
  readonly position: number
  expiresAt: number
  redelivered: boolean
}

export type Consumer = {
  readonly noAck: boolean
  readonly exclusive: boolean
  /** Its prefetch isn't used up and its peer reads. */
  readonly ready: boolean
  deliver(entry: Entry): void
  /** The queue is gone. */
  cancelled(): void
}

export type DropReason = 'expired' | 'rejected' | 'maxlen'

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
  /** The entry has left the queue for good; `reason` where a dead-letter exchange may want it. */
  gone(queue: Queue, entry: Entry, reason?: DropReason): void
  /** Unused: auto-delete or x-expires says that it goes. */
  unused(queue: Queue): void
}

export class Queue {
  readonly kind = 'queue'
  readonly spec: QueueSpec
  limits: QueueLimits
  /** Those from which `limits` came, besides its arguments. */
  policy: Policy | undefined
  operatorPolicy: Policy | undefined
  /** Its number in the store, never used twice. */
  readonly id: number
  /** The connection that alone may use it. */
  readonly owner: object | undefined
  readonly consumers: Consumer[] = []
  unacked = 0
  readyBytes = 0
  deleted = false
  readonly #host: QueueHost
  readonly #ready = new Deque<Entry>()
  #position = 0
  #turn = 0
  #dispatching = false
  #expiry: { at: number; cancel: Cancel } | undefined
  #disuse: Cancel | undefined
  #endActivity: (() => void) | undefined

  constructor(host: QueueHost, id: number, spec: QueueSpec, limits: QueueLimits, owner: object | undefined) {
    this.#host = host
    this.id = id
    this.spec = spec
    this.limits = limits
    this.owner = owner
    this.used()
  }

  get name(): string {
    return this.spec.name
  }

  /** Its definition and persistent messages outlive the broker's process. */
  get stored(): boolean {
    return this.spec.durable && !this.spec.exclusive
  }

  get messageCount(): number {
    return this.#ready.length
  }

  /** Whether `x-overflow: reject-publish` refuses one more message now. */
  get refuses(): boolean {
    return this.limits.rejectPublish && this.#over(1)
  }

  push(message: Message, redelivered = false): void {
    const now = this.#host.world.clock.now()
    const ttl = Math.min(this.limits.messageTtlMs ?? Infinity, message.expirationMs ?? Infinity)
    // A time of zero still lets a consumer that is ready have it.
    const expiresAt = ttl === 0 ? Infinity : now + ttl
    const entry = { message, position: this.#position++, expiresAt, redelivered }
    this.#ready.push(entry)
    this.readyBytes += message.content.bodySize
    this.dispatch()
    if (this.#ready.length > 0) {
      if (ttl === 0) entry.expiresAt = now
      this.#dropExpired()
      while (!this.limits.rejectPublish && this.#ready.length > 0 && this.#over(0)) this.#drop('maxlen')
      if (this.#ready.length > 0) message.detach()
      this.#watchExpiry()
    }
    this.#mark()
  }

  /** In force for what is there too, except a shorter time to live: messages keep the one they came with. */
  setLimits(limits: QueueLimits): void {
    this.limits = limits
    if (!limits.rejectPublish) while (this.#ready.length > 0 && this.#over(0)) this.#drop('maxlen')
    this.#disuse?.()
    this.#disuse = undefined
    this.used()
    this.#mark()
  }

  /** For basic.get. */
  take(): Entry | undefined {
    this.used()
    this.#dropExpired()
    const entry = this.#shift()
    if (entry) this.unacked++
    this.#mark()
    return entry
  }

  addConsumer(consumer: Consumer): void {
    this.consumers.push(consumer)
    this.used()
    this.dispatch()
    this.#mark()
  }

  removeConsumer(consumer: Consumer): void {
    const at = this.consumers.indexOf(consumer)
    if (at < 0) return
    this.consumers.splice(at, 1)
    this.#mark()
    if (this.consumers.length > 0) return
    if (this.spec.autoDelete) this.#host.unused(this)
    else this.used()
  }

  /** The consumer or getter is done with an entry. */
  settle(entry: Entry): void {
    this.unacked--
    this.#host.gone(this, entry)
    this.#mark()
  }

  reject(entry: Entry): void {
    this.unacked--
    this.#host.gone(this, entry, this.deleted ? undefined : 'rejected')
    this.#mark()
  }

  /** Back to where it was. */
  requeue(entries: Entry[]): void {
    this.unacked -= entries.length
    if (this.deleted) for (const entry of entries) this.#host.gone(this, entry)
    else {
      for (const entry of entries) {
        entry.redelivered = true
        entry.message.detach()
        this.readyBytes += entry.message.content.bodySize
        this.#ready.insert(entry, (other) => other.position > entry.position)
      }
      this.#dropExpired()
      this.dispatch()
      this.#watchExpiry()
    }
    this.#mark()
  }

  purge(): number {
    const entries = this.#ready.drain()
    this.readyBytes = 0
    for (const entry of entries) this.#host.gone(this, entry)
    this.#mark()
    return entries.length
  }

  /** Nothing is recorded for its messages: the queue itself is recorded as gone. Gives what it held. */
  close(): Entry[] {
    this.deleted = true
    this.#expiry?.cancel()
    this.#disuse?.()
    const entries = this.#ready.drain()
    for (const consumer of this.consumers.splice(0)) consumer.cancelled()
    this.#mark()
    return entries
  }

  /** The broker ends: all stays as it is, and no timer keeps the process waiting for it. */
  rest(): void {
    this.#expiry?.cancel()
    this.#disuse?.()
  }

  /** Gives ready messages to ready consumers, in turn. */
  dispatch(): void {
    if (this.#dispatching || this.consumers.length === 0) return
    this.#dispatching = true
    try {
      while (this.#ready.length > 0) {
        const consumer = this.#nextReady()
        if (!consumer) break
        if (this.#dropExpired() && this.#ready.length === 0) break
        const entry = this.#shift()!
        this.unacked++
        consumer.deliver(entry)
        if (consumer.noAck) this.settle(entry)
      }
    } finally {
      this.#dispatching = false
    }
    this.#watchExpiry()
    this.#mark()
  }

  /** Starts the clock of x-expires anew: declared again, read from, or its last consumer left. */
  used(): void {
    if (this.limits.expiresMs === undefined) return
    this.#disuse?.()
    this.#disuse = undefined
    if (this.consumers.length > 0) return
    const expire = () => this.#host.unused(this)
    this.#disuse = this.#host.world.timers.after(this.limits.expiresMs, expire, { background: true })
  }

  #nextReady(): Consumer | undefined {
    const count = this.consumers.length
    for (let i = 0; i < count; i++) {
      const at = (this.#turn + i) % count
      const consumer = this.consumers[at]!
      if (!consumer.ready) continue
      this.#turn = at + 1
      return consumer
    }
    return undefined
  }

  #shift(): Entry | undefined {
    const entry = this.#ready.shift()
    if (entry) this.readyBytes -= entry.message.content.bodySize
    return entry
  }

  #over(more: number): boolean {
    const { maxLength, maxBytes } = this.limits
    return this.#ready.length + more > (maxLength ?? Infinity) || this.readyBytes > (maxBytes ?? Infinity)
  }

  #drop(reason: DropReason): void {
    const entry = this.#shift()
    if (entry) this.#host.gone(this, entry, reason)
  }

  #dropExpired(): boolean {
    const now = this.#host.world.clock.now()
    let dropped = false
    for (let head = this.#ready.peek(); head && head.expiresAt <= now; head = this.#ready.peek()) {
      this.#drop('expired')
      dropped = true
    }
    return dropped
  }

  /** As in RabbitMQ only the head expires: a message waits for those before it. */
  #watchExpiry(): void {
    const at = this.#ready.peek()?.expiresAt ?? Infinity
    if (at === Infinity || (this.#expiry && this.#expiry.at <= at)) return
    this.#expiry?.cancel()
    const { clock, timers } = this.#host.world
    const expire = () => {
      this.#expiry = undefined
      this.#dropExpired()
      this.#watchExpiry()
      this.#mark()
    }
    this.#expiry = { at, cancel: timers.after(at - clock.now(), expire, { background: true }) }
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
