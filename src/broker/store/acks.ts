// Which queues are done with which messages of a segment: records of eight octets in a file beside it, the message's
// number and the queue's. Lost in a power cut they only bring messages back with the redelivered flag, so they are
// not synced. A queue's number is never 0, which tells a record from a hole.
import { Writer } from '#kit/amqp/writer.ts'
import type { OpenFile } from '#kit/world/world.ts'

const recordSize = 8
/** Set in the number of a queue: it gave the message to a consumer that gave it back. */
const returnedBit = 0x80000000

export type Acks = {
  pending: Writer
  /** What is on its way to the file. */
  writing: Buffer | undefined
  file: OpenFile | undefined
  written: number
}

export function newAcks(written = 0): Acks {
  return { pending: new Writer(recordSize * 64), writing: undefined, file: undefined, written }
}

export function writeAck({ pending }: Acks, entry: number, queueId: number): void {
  pending.room(recordSize)
  const at = pending.buffer.writeUInt32BE(entry, pending.at)
  pending.at = pending.buffer.writeUInt32BE(queueId, at)
}

export function writeReturned(acks: Acks, entry: number, queueId: number): void {
  writeAck(acks, entry, (queueId | returnedBit) >>> 0)
}

/** What the records of a segment of `count` messages say. */
export class AckSet {
  /** The first queue that is done with each; the others, for messages that several queues held, in `#more`. */
  readonly #first: Uint32Array
  readonly #more = new Set<number>()
  readonly #returned = new Map<number, number>()

  constructor(count: number, ...parts: Buffer[]) {
    this.#first = new Uint32Array(count)
    for (const part of parts)
      for (let at = 0; at + recordSize <= part.length; at += recordSize) {
        const entry = part.readUInt32BE(at)
        const queueId = part.readUInt32BE(at + 4)
        if (queueId === 0 || entry >= count) continue
        if (queueId & returnedBit) {
          const key = keyOf(entry, queueId & ~returnedBit)
          this.#returned.set(key, (this.#returned.get(key) ?? 0) + 1)
        } else if (this.#first[entry] === 0) this.#first[entry] = queueId
        else this.#more.add(keyOf(entry, queueId))
      }
  }

  has(entry: number, queueId: number): boolean {
    const first = this.#first[entry]!
    return first === queueId || (first !== 0 && this.#more.has(keyOf(entry, queueId)))
  }

  /** How often the queue got it back. */
  returns(entry: number, queueId: number): number {
    return this.#returned.size === 0 ? 0 : (this.#returned.get(keyOf(entry, queueId)) ?? 0)
  }
}

/** Segments have fewer than 2^22 messages and queues' numbers are below 2^31: a double holds both. */
function keyOf(entry: number, queueId: number): number {
  return entry * 2 ** 31 + queueId
}
