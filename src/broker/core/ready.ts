// The ready messages of a queue: one backlog, or one for each priority that is used. As in RabbitMQ the head is the
// oldest of the highest priority, for delivery, expiry and a full queue alike.
// https://www.rabbitmq.com/docs/priority
import type { Segment, SegmentTable } from '../store/segment.ts'
import { Backlog } from './backlog.ts'
import type { Entry } from './entry.ts'

export class Ready {
  readonly #segments: SegmentTable
  /** Highest priority first; without priorities the only one. */
  readonly #backlogs: Backlog[] = []
  readonly #maxPriority: number

  constructor(segments: SegmentTable, maxPriority: number) {
    this.#segments = segments
    this.#maxPriority = maxPriority
    this.of(0)
  }

  get length(): number {
    if (this.#maxPriority === 0) return this.#backlogs[0]!.length
    return this.#backlogs.reduce((sum, { length }) => sum + length, 0)
  }

  get bytes(): number {
    if (this.#maxPriority === 0) return this.#backlogs[0]!.bytes
    return this.#backlogs.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get persistentLength(): number {
    return this.#backlogs.reduce((sum, { persistentLength }) => sum + persistentLength, 0)
  }

  get persistentBytes(): number {
    return this.#backlogs.reduce((sum, { persistentBytes }) => sum + persistentBytes, 0)
  }

  /** Of a message with this priority; more than the queue's highest counts as that. */
  of(priority: number): Backlog {
    if (this.#maxPriority === 0 && this.#backlogs.length > 0) return this.#backlogs[0]!
    const wanted = Math.min(priority, this.#maxPriority)
    const at = this.#backlogs.findIndex((backlog) => backlog.priority <= wanted)
    const found = this.#backlogs[at]
    if (found?.priority === wanted) return found
    const backlog = new Backlog(this.#segments, wanted)
    this.#backlogs.splice(at < 0 ? this.#backlogs.length : at, 0, backlog)
    return backlog
  }

  get expiresAt(): number {
    return this.#first().expiresAt
  }

  shift(): Entry | undefined {
    return this.#first().shift()
  }

  giveBack(entry: Entry): void {
    this.of(entry.priority).giveBack(entry)
  }

  drain(each: (segment: Segment, entry: number) => void): void {
    for (const backlog of this.#backlogs) backlog.drain(each)
  }

  #first(): Backlog {
    const backlogs = this.#backlogs
    let at = 0
    while (at < backlogs.length - 1 && backlogs[at]!.length === 0) at++
    return backlogs[at]!
  }
}
