// One message in one queue, as it is handed to a consumer and comes back from it.
import { connectionError } from '#kit/amqp/error.ts'
import type { Segment, SegmentTable } from '../store/segment.ts'
import type { Message } from './message.ts'

export class Entry {
  /** Order of arrival among those of its priority; a requeued entry goes back to it. */
  readonly position: number
  readonly bodySize: number
  readonly persistent: boolean
  readonly priority: number
  /** Milliseconds since the epoch; Infinity is never. */
  expiresAt: number
  redelivered: boolean
  /** Of a quorum queue: how often consumers gave it back. */
  returns = 0
  segment: Segment | undefined
  /** Its number in the segment. */
  number: number
  readonly #segments: SegmentTable
  #message: Message | undefined

  constructor(
    segments: SegmentTable,
    segment: Segment | undefined,
    number: number,
    facts: {
      position: number
      bodySize: number
      persistent: boolean
      priority: number
      expiresAt: number
      redelivered: boolean
    },
  ) {
    this.#segments = segments
    this.segment = segment
    this.number = number
    this.position = facts.position
    this.bodySize = facts.bodySize
    this.persistent = facts.persistent
    this.priority = facts.priority
    this.expiresAt = facts.expiresAt
    this.redelivered = facts.redelivered
  }

  /** Read from the store unless it is at hand. Throws 541 where the disk no longer has it. */
  get message(): Message {
    const message = this.load()
    if (!message) throw connectionError(541, 'a message on disk is damaged')
    return message
  }

  load(): Message | undefined {
    return this.#message ?? this.#segments.load(this.segment!, this.number)
  }

  /** At hand while it is delivered. */
  carry(message: Message | undefined): void {
    this.#message = message
  }

  /** It may have been moved on in the meantime; from now on this points to where it is. */
  resolve(): void {
    if (!this.segment?.movedTo) return
    const place = this.#segments.resolve(this.segment, this.number)
    this.segment = place.segment
    this.number = place.entry
  }
}
