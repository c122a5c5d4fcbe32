// A virtual host: its exchanges, queues and bindings, and the way of a message through them.
import { channelError } from '#kit/amqp/error.ts'
import type { Table } from '#kit/amqp/table.ts'
import type { World } from '#kit/world/world.ts'
import { bindingRecord, exchangeRecord, queueRecord } from '../store/record.ts'
import type { SegmentTable } from '../store/segment.ts'
import type { Store } from '../store/store.ts'
import { MessageCounts } from './count.ts'
import { deadLetter, goesInCircles } from './dead-letter.ts'
import { assertSame, assertSameArguments, fieldTypeName } from './equivalence.ts'
import { type Binding, Exchange, type ExchangeSpec, type ExchangeType } from './exchange.ts'
import type { Message } from './message.ts'
import { type Policy, policyFor } from './policy.ts'
import { type DropReason, Queue, type QueueHost, type QueueSpec } from './queue.ts'
import { queueLimits } from './queue-argument.ts'
import { queueShape } from './queue-shape.ts'

/** There from the start and not deletable; the default exchange routes by queue name and isn't in the map. */
const predeclared: [string, ExchangeType][] = [
  ['amq.direct', 'direct'],
  ['amq.fanout', 'fanout'],
  ['amq.topic', 'topic'],
  ['amq.headers', 'headers'],
  ['amq.match', 'headers'],
]

/** Arguments that a second declaration of a queue must repeat. */
const comparedArguments = [
  'x-expires',
  'x-message-ttl',
  'x-max-length',
  'x-max-length-bytes',
  'x-overflow',
  'x-dead-letter-exchange',
  'x-dead-letter-routing-key',
  'x-max-priority',
  'x-queue-type',
  'x-single-active-consumer',
]

export type Routed = {
  queues: number
  refused: boolean /** For Store.whenSafe; 0 when nothing had to be written. */
  stored: number
}

export class Vhost implements QueueHost {
  readonly name: string
  readonly world: World
  readonly exchanges: Map<string, Exchange> = new Map()
  readonly queues: Map<string, Queue> = new Map()
  /** By name; `applyPolicies` after a change. */
  readonly policies: Map<string, Policy> = new Map()
  readonly operatorPolicies: Map<string, Policy> = new Map()
  maxQueues = Number.POSITIVE_INFINITY
  /** Of queues declared without x-queue-type. */
  defaultQueueType: 'classic' | 'quorum' | undefined
  /** What channels that are closed have counted, and the management API. */
  readonly pastCounts: MessageCounts = new MessageCounts()
  queuesDeclared = 0
  queuesCreated = 0
  /** Bindings by what they lead to, to remove with it. */
  readonly #into = new Map<Exchange | Queue, Set<Binding>>()
  readonly #store: Store

  constructor(world: World, store: Store, name: string) {
    this.world = world
    this.#store = store
    this.name = name
    for (const [exchange, type] of predeclared) {
      const spec = { name: exchange, type, durable: true, autoDelete: false, internal: false, arguments: {} }
      this.exchanges.set(exchange, new Exchange(spec))
    }
  }

  get segments(): SegmentTable {
    return this.#store.segments
  }

  where(kind: 'queue' | 'exchange', name: string): string {
    return `${kind} '${name}' in vhost '${this.name}'`
  }

  exchange(name: string): Exchange {
    const exchange = this.exchanges.get(name)
    if (!exchange) throw channelError(404, `no ${this.where('exchange', name)}`)
    return exchange
  }

  /** 404 where it isn't there, 405 where another connection owns it. */
  queue(name: string, session: object): Queue {
    const queue = this.queues.get(name)
    if (!queue) throw channelError(404, `no ${this.where('queue', name)}`)
    if (queue.owner && queue.owner !== session) this.#refuseLocked(name)
    return queue
  }

  declareExchange(spec: ExchangeSpec): Exchange {
    const what = this.where('exchange', spec.name)
    const current = this.exchanges.get(spec.name)
    if (current) {
      assertSame(what, 'type', spec.type, current.spec.type)
      assertSame(what, 'durable', spec.durable, current.spec.durable)
      assertSame(what, 'auto_delete', spec.autoDelete, current.spec.autoDelete)
      assertSame(what, 'internal', spec.internal, current.spec.internal)
      assertSameArguments(what, ['alternate-exchange'], spec.arguments, current.spec.arguments)
      return current
    }
    const alternate = spec.arguments['alternate-exchange']
    if (alternate !== undefined && typeof alternate !== 'string')
      throw channelError(
        406,
        `invalid type '${fieldTypeName(alternate)}' for arg 'alternate-exchange' in ${what}`,
      )
    const exchange = new Exchange(spec)
    this.#applyToExchange(exchange)
    this.exchanges.set(spec.name, exchange)
    if (spec.durable) this.#store.record({ kind: 'exchange', record: exchangeRecord(this.name, spec) })
    return exchange
  }

  deleteExchange(name: string, ifUnused: boolean): void {
    const exchange = this.exchanges.get(name)
    if (!exchange) return
    if (ifUnused && exchange.bindings.size > 0)
      throw channelError(406, `${this.where('exchange', name)} in use`)
    this.#dropExchange(exchange)
  }

  declareQueue(given: QueueSpec, session: object): Queue {
    // What goes with its connection outlives no broker, whatever it was declared as.
    const spec = this.#withType({ ...given, durable: given.durable && !given.exclusive })
    this.queuesDeclared++
    const what = this.where('queue', spec.name)
    const current = this.queues.get(spec.name)
    if (current) {
      if (current.owner !== (spec.exclusive ? session : undefined)) this.#refuseLocked(spec.name)
      assertSame(what, 'durable', spec.durable, current.spec.durable)
      assertSame(what, 'auto_delete', spec.autoDelete, current.spec.autoDelete)
      assertSameArguments(what, comparedArguments, spec.arguments, current.spec.arguments)
      current.used()
      return current
    }
    if (this.queues.size >= this.maxQueues)
      throw channelError(
        406,
        `cannot declare queue '${spec.name}': queue limit in vhost '${this.name}' (${this.maxQueues}) is reached`,
      )
    const queue = this.#newQueue(this.#store.nextQueueId(), spec, spec.exclusive ? session : undefined)
    if (queue.stored) this.#store.record({ kind: 'queue', record: queueRecord(this.name, queue) })
    this.queuesCreated++
    return queue
  }

  /** How many messages went with it. */
  deleteQueue(queue: Queue): number {
    if (queue.deleted) return 0
    this.queues.delete(queue.name)
    this.#dropBindingsInto(queue)
    if (queue.stored) this.#store.record({ kind: 'queue-gone', record: { id: queue.id } })
    return queue.close()
  }

  bind(source: Exchange, destination: Exchange | Queue, routingKey: string, table: Table): void {
    const binding = { source, destination, routingKey, arguments: table }
    if (source.find(binding)) return
    source.add(binding)
    const into = this.#into.get(destination)
    if (into) into.add(binding)
    else this.#into.set(destination, new Set([binding]))
    if (isStored(binding)) this.#store.record({ kind: 'binding', record: bindingRecord(this.name, binding) })
  }

  /** No error where there is no such binding, as in RabbitMQ. */
  unbind(source: Exchange, destination: Exchange | Queue, routingKey: string, table: Table): void {
    const binding = source.find({ source, destination, routingKey, arguments: table })
    if (binding) this.#dropBinding(binding)
  }

  /** Throws 404 where there is no such exchange. */
  publish(message: Message): Routed {
    return this.deliver(message, this.route(message))
  }

  /** To the queues that `route` gave, which may have gone since; `queues` is used up. */
  deliver(message: Message, queues: Set<Queue>): Routed {
    for (const queue of queues) if (queue.deleted) queues.delete(queue)
    const routed: Routed = { queues: queues.size, refused: false, stored: 0 }
    if (queues.size === 0) return routed
    for (const queue of queues) {
      if (queue.refuses) {
        routed.refused = true
        if (queue.limits.deadLetterRefused) this.deadLetter(queue, message, 'maxlen')
      } else if (!queue.handOver(message)) continue
      queues.delete(queue)
    }
    if (queues.size > 0) routed.stored = this.#keep(message, queues)
    return routed
  }

  /** Throws 404 where there is no such exchange. */
  route(message: Message): Set<Queue> {
    const queues = new Set<Queue>()
    if (message.exchange !== '') this.exchange(message.exchange).route(message, queues, this.exchanges)
    else {
      this.#queueNamed(message.routingKey, queues)
      for (const key of message.copies) this.#queueNamed(key, queues)
    }
    return queues
  }

  /** Policies have changed: each queue and exchange gets what now holds for it. */
  applyPolicies(): void {
    for (const exchange of this.exchanges.values()) this.#applyToExchange(exchange)
    for (const queue of this.queues.values()) {
      const { policy, operatorPolicy } = this.#policiesFor(queue.spec)
      if (queue.policy === policy && queue.operatorPolicy === operatorPolicy) continue
      queue.policy = policy
      queue.operatorPolicy = operatorPolicy
      queue.setLimits(queueLimits(queue.spec.arguments, policy, operatorPolicy))
    }
  }

  /** The virtual host itself is deleted. */
  deleteAll(): void {
    for (const queue of [...this.queues.values()]) this.deleteQueue(queue)
    for (const exchange of [...this.exchanges.values()]) this.#dropExchange(exchange)
  }

  /** The connection is gone, and its exclusive queues with it. */
  endSession(session: object): void {
    for (const queue of [...this.queues.values()]) if (queue.owner === session) this.deleteQueue(queue)
  }

  /** What the disk had, before any client connects. */
  restore(): void {
    const mine = <R extends { vhost: string }>(records: R[]) =>
      records.filter(({ vhost }) => vhost === this.name)
    const { exchanges, queues, bindings } = this.#store.recovered
    for (const { vhost: _, ...spec } of mine(exchanges))
      this.exchanges.set(spec.name, new Exchange({ ...spec, durable: true }))
    for (const { vhost: _, id, ...spec } of mine(queues))
      this.#newQueue(id, { ...spec, durable: true, exclusive: false }, undefined)
    this.queuesCreated = this.queues.size
    for (const record of mine(bindings)) {
      const source = this.exchanges.get(record.source)
      const destination = (record.toQueue ? this.queues : this.exchanges).get(record.destination)
      if (!source || !destination) continue
      const binding = { source, destination, routingKey: record.routingKey, arguments: record.arguments }
      source.add(binding)
      this.#into.set(destination, (this.#into.get(destination) ?? new Set()).add(binding))
    }
  }

  unused(queue: Queue): void {
    this.deleteQueue(queue)
  }

  #queueNamed(name: string, into: Set<Queue>): void {
    const queue = this.queues.get(name)
    if (queue) into.add(queue)
  }

  deadLetter(queue: Queue, message: Message, reason: DropReason): void {
    const target = queue.limits.deadLetterExchange
    if (target === undefined || (target !== '' && !this.exchanges.has(target))) return
    const letter = deadLetter(message, queue, reason, this.world.clock.now())
    const queues = this.route(letter)
    if (reason !== 'rejected') for (const next of queues) if (goesInCircles(letter, next)) queues.delete(next)
    this.deliver(letter, queues)
  }

  #newQueue(id: number, spec: QueueSpec, owner: object | undefined): Queue {
    const { policy, operatorPolicy } = this.#policiesFor(spec)
    const node = `rabbit@${this.world.host.name.split('.')[0]}`
    const shape = queueShape(spec, this.where('queue', spec.name), node)
    const limits = queueLimits(spec.arguments, policy, operatorPolicy)
    const queue = new Queue(this, id, spec, shape, limits, owner)
    queue.policy = policy
    queue.operatorPolicy = operatorPolicy
    this.queues.set(spec.name, queue)
    return queue
  }

  /** Stored once for all that hold it. What must be safe before it counts as published; 0 is nothing. */
  #keep(message: Message, queues: ReadonlySet<Queue>): number {
    const ids: number[] = []
    for (const queue of queues) if (queue.keeps(message)) ids.push(queue.id)
    this.#store.place(message, queues.size, ids)
    for (const queue of queues) queue.push(message)
    // Read now: its dead letter may have taken its place.
    return ids.length > 0 ? this.#store.given : 0
  }

  /** The virtual host's type for a queue that names none; only durable ones that all may use can be of the other. */
  #withType(spec: QueueSpec): QueueSpec {
    const isOpen = spec.durable && !spec.autoDelete
    if (!this.defaultQueueType || !isOpen || spec.arguments['x-queue-type'] !== undefined) return spec
    return { ...spec, arguments: { ...spec.arguments, 'x-queue-type': this.defaultQueueType } }
  }

  #policiesFor({ name, arguments: table }: QueueSpec) {
    const subject = { kind: 'queue', name, quorum: table['x-queue-type'] === 'quorum' } as const
    return {
      policy: policyFor(this.policies.values(), subject),
      operatorPolicy: policyFor(this.operatorPolicies.values(), subject),
    }
  }

  #applyToExchange(exchange: Exchange): void {
    const subject = { kind: 'exchange', name: exchange.name, quorum: false } as const
    exchange.policy = policyFor(this.policies.values(), subject)
  }

  #dropExchange(exchange: Exchange): void {
    this.exchanges.delete(exchange.name)
    this.#dropBindingsInto(exchange)
    for (const binding of [...exchange.bindings.values()]) this.#dropBinding(binding)
    if (exchange.spec.durable)
      this.#store.record({ kind: 'exchange-gone', record: { vhost: this.name, name: exchange.name } })
  }

  #dropBindingsInto(destination: Exchange | Queue): void {
    for (const binding of [...(this.#into.get(destination) ?? [])]) this.#dropBinding(binding)
  }

  #dropBinding(binding: Binding): void {
    const { source, destination } = binding
    source.remove(binding)
    const into = this.#into.get(destination)
    into?.delete(binding)
    if (into?.size === 0) this.#into.delete(destination)
    if (isStored(binding))
      this.#store.record({ kind: 'binding-gone', record: bindingRecord(this.name, binding) })
    if (source.spec.autoDelete && source.bindings.size === 0 && this.exchanges.get(source.name) === source)
      this.#dropExchange(source)
  }

  #refuseLocked(name: string): never {
    throw channelError(
      405,
      `cannot obtain exclusive access to locked ${this.where('queue', name)}. It could be originally declared on ` +
        'another connection or the exclusive property value does not match that of the original declaration.',
    )
  }
}

function isStored({ source, destination }: Binding): boolean {
  return source.spec.durable && (destination.kind === 'queue' ? destination.stored : destination.spec.durable)
}
