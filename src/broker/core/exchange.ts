// Exchanges: what each type does with a routing key.
import { channelError } from '#kit/amqp/error.ts'
import { type Table, writeTable } from '#kit/amqp/table.ts'
import { Writer } from '#kit/amqp/writer.ts'
import { MessageCounts } from './count.ts'
import { checkHeaderBinding, headersMatch } from './headers.ts'
import type { Message } from './message.ts'
import type { Policy } from './policy.ts'
import type { Queue } from './queue.ts'
import { TopicTrie } from './topic.ts'

const exchangeTypes = ['direct', 'fanout', 'topic', 'headers'] as const
export type ExchangeType = (typeof exchangeTypes)[number]

export type Binding = {
  readonly source: Exchange
  readonly destination: Exchange | Queue
  readonly routingKey: string
  readonly arguments: Table
}

type Router = {
  add(binding: Binding): void
  remove(binding: Binding): void
  match(message: Message, routingKey: string, found: (binding: Binding) => void): void
}

export type ExchangeSpec = {
  name: string
  type: ExchangeType
  durable: boolean
  autoDelete: boolean
  internal: boolean
  arguments: Table
}

export class Exchange {
  readonly kind = 'exchange'
  readonly spec: ExchangeSpec
  /** By `bindingKey`: the same binding twice is one. */
  readonly bindings: Map<string, Binding> = new Map()
  /** The one that holds for it now. */
  policy: Policy | undefined
  readonly counts: MessageCounts = new MessageCounts()
  readonly #router: Router

  constructor(spec: ExchangeSpec) {
    this.spec = spec
    this.#router = routers[spec.type]()
  }

  get name(): string {
    return this.spec.name
  }

  /** Where messages go that no binding takes: its argument's word comes before its policy's. */
  get alternate(): string | undefined {
    const name = this.spec.arguments['alternate-exchange'] ?? this.policy?.definition['alternate-exchange']
    return typeof name === 'string' ? name : undefined
  }

  add(binding: Binding): void {
    if (this.spec.type === 'headers') checkHeaderBinding(binding.arguments)
    this.#router.add(binding)
    this.bindings.set(bindingKey(binding), binding)
  }

  remove(binding: Binding): void {
    this.#router.remove(binding)
    this.bindings.delete(bindingKey(binding))
  }

  find(binding: Binding): Binding | undefined {
    return this.bindings.get(bindingKey(binding))
  }

  /** Adds the queues that a message goes to, also by way of the other `exchanges`. */
  route(message: Message, into: Set<Queue>, exchanges: ReadonlyMap<string, Exchange>): void {
    // Exchanges may be bound in circles and in chains as long as somebody likes: no recursion.
    const others: Exchange[] = []
    this.#pass(message, into, others, exchanges)
    if (others.length > 0) {
      const seen = new Set<Exchange>([this])
      for (let next = others.pop(); next; next = others.pop()) {
        if (seen.has(next)) continue
        seen.add(next)
        next.#pass(message, into, others, exchanges)
      }
    }
    this.counts.publishIn++
    this.counts.publishOut += into.size
  }

  /** One step: to queues, and to `others`. What no binding takes goes to the alternate exchange, if there is one. */
  #pass(
    message: Message,
    into: Set<Queue>,
    others: Exchange[],
    exchanges: ReadonlyMap<string, Exchange>,
  ): void {
    let isTaken = false
    const found = ({ destination }: Binding) => {
      isTaken = true
      if (destination.kind === 'queue') into.add(destination)
      else others.push(destination)
    }
    this.#router.match(message, message.routingKey, found)
    for (const key of message.copies) this.#router.match(message, key, found)
    if (isTaken) return
    const alternate = this.alternate === undefined ? undefined : exchanges.get(this.alternate)
    if (alternate) others.push(alternate)
  }
}

function bindingKey({ destination, routingKey, arguments: table }: Binding): string {
  const writer = new Writer(16)
  writeTable(writer, table)
  return JSON.stringify([destination.kind, destination.name, routingKey, writer.written().toString('hex')])
}

const routers: Record<ExchangeType, () => Router> = {
  direct() {
    const byKey = new Map<string, Set<Binding>>()
    return {
      add(binding) {
        const same = byKey.get(binding.routingKey)
        if (same) same.add(binding)
        else byKey.set(binding.routingKey, new Set([binding]))
      },
      remove(binding) {
        const same = byKey.get(binding.routingKey)
        same?.delete(binding)
        if (same?.size === 0) byKey.delete(binding.routingKey)
      },
      match(_message, routingKey, found) {
        for (const binding of byKey.get(routingKey) ?? []) found(binding)
      },
    }
  },
  fanout: () => scanning(() => true),
  headers: () =>
    scanning((binding, message) => headersMatch(binding.arguments, message.properties.headers ?? {})),
  topic() {
    const trie = new TopicTrie<Binding>()
    return {
      add: (binding) => trie.add(binding.routingKey, binding),
      remove: (binding) => trie.remove(binding.routingKey, binding),
      match: (_message, routingKey, found) => trie.match(routingKey, found),
    }
  },
}

function scanning(takes: (binding: Binding, message: Message) => boolean): Router {
  const all = new Set<Binding>()
  return {
    add: (binding) => void all.add(binding),
    remove: (binding) => void all.delete(binding),
    match(message, _routingKey, found) {
      for (const binding of all) if (takes(binding, message)) found(binding)
    },
  }
}

/** RabbitMQ 4 closes the channel with 406 here; 3.x closed the connection with 503. */
export function exchangeType(name: string): ExchangeType {
  const type = exchangeTypes.find((known) => known === name)
  if (!type) throw channelError(406, `unknown exchange type '${name}'`)
  return type
}
