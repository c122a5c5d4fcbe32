// What the broker keeps on disk: durable exchanges, queues and bindings, and persistent messages in durable queues.
import type { Table } from '#kit/amqp/table.ts'
import type { ExchangeType } from '../core/exchange.ts'
import type { Message } from '../core/message.ts'
import type { Segment, SegmentTable } from './segment.ts'

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

/** Durable exchanges, queues and bindings as they are now. */
export type Recovered = { exchanges: ExchangeRecord[]; queues: QueueRecord[]; bindings: BindingRecord[] }

export type Change =
  | { kind: 'exchange'; record: ExchangeRecord }
  | { kind: 'exchange-gone'; record: { vhost: string; name: string } }
  | { kind: 'queue'; record: QueueRecord }
  | { kind: 'queue-gone'; record: { id: number } }
  | { kind: 'binding'; record: BindingRecord }
  | { kind: 'binding-gone'; record: BindingRecord }

/** What a message that a start found brings with it into a queue. Times are milliseconds since the epoch. */
export type RestoredMessage = {
  segment: Segment
  entry: number
  bodySize: number
  priority: number
  publishedAt: number
  /** By its own expiration; Infinity where it has none. */
  expiresAt: number
  /** How often consumers of a quorum queue gave it back. */
  returns: number
}

export type Store = {
  /** Where queues' messages are. */
  readonly segments: SegmentTable
  readonly recovered: Recovered
  /** Messages come faster than they can be written out of memory: who publishes should wait for `whenCaughtUp`. */
  readonly isBehind: boolean
  whenCaughtUp(action: () => void): void
  /** A number for a new queue that no queue had before. */
  nextQueueId(): number
  record(change: Change): void
  /**
   * Puts a message where `holders` queues can point to it, and says where in `message.segment` and `message.entry`;
   * each of them releases it once. With the numbers of the durable queues among them it outlives the process.
   */
  place(message: Message, holders: number, queueIds: readonly number[]): void
  /** At a start, once all queues are there: gives each its messages, in the order in which they came. Once. */
  restore(queue: (id: number) => { restore(message: RestoredMessage): void } | undefined): Promise<void>
  /** Counts everything given so far; for `whenSafe`. */
  readonly given: number
  /** Everything up to this count is on disk. */
  readonly safe: number
  /** Runs `action` once all up to `count` is on disk. Actions run in the order of their counts. */
  whenSafe(count: number, action: () => void): void
  close(): Promise<void>
}
