// What the broker keeps on disk: durable exchanges, queues and bindings, and persistent messages in durable queues.
import type { Table } from '#kit/amqp/table.ts'
import type { ExchangeType } from '../core/exchange.ts'
import type { Message } from '../core/message.ts'

export type ExchangeRecord = {
  vhost: string
  name: string
  type: ExchangeType
  autoDelete: boolean
  internal: boolean
  arguments: Table
}
export type QueueRecord = { vhost: string; name: string; id: number; autoDelete: boolean; arguments: Table }
export type BindingRecord = {
  vhost: string
  source: string
  destination: string
  toQueue: boolean
  routingKey: string
  arguments: Table
}

export type Topology = { exchanges: ExchangeRecord[]; queues: QueueRecord[]; bindings: BindingRecord[] }

export type Change =
  | { kind: 'exchange'; record: ExchangeRecord }
  | { kind: 'exchange-gone'; record: { vhost: string; name: string } }
  | { kind: 'queue'; record: QueueRecord }
  | { kind: 'queue-gone'; record: { id: number } }
  | { kind: 'binding'; record: BindingRecord }
  | { kind: 'binding-gone'; record: BindingRecord }

/** Found at start; in the order in which the messages came. */
export type Recovered = Topology & { messages: { message: Message; queueIds: number[] }[] }

export type Store = {
  readonly recovered: Recovered
  /** A number for a new queue that no queue had before. */
  nextQueueId(): number
  record(change: Change): void
  /** Sets `message.storeId`. */
  keep(message: Message, queueIds: number[]): void
  /** The queue is done with the message: acknowledged, dropped, purged. */
  forget(storeId: number, queueId: number): void
  /** Counts everything given so far; for `whenSafe`. */
  readonly given: number
  /** Everything up to this count is on disk. */
  readonly safe: number
  /** Runs `action` once all up to `count` is on disk. Actions run in the order of their counts. */
  whenSafe(count: number, action: () => void): void
  close(): Promise<void>
}

/** For a broker whose messages live as long as its process: nothing is written, everything is safe at once. */
export function memoryStore(): Store {
  let queueId = 0
  return {
    recovered: { exchanges: [], queues: [], bindings: [], messages: [] },
    nextQueueId: () => ++queueId,
    record() {},
    keep() {},
    forget() {},
    given: 0,
    safe: 0,
    whenSafe: (_count, action) => action(),
    async close() {},
  }
}
