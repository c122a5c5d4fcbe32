// Durable exchanges, queues and bindings: what there is now, and the records of changes that it is kept as. Each is
// a length, a checksum and a table; a torn tail fails its checksum.
import { crc32 } from 'node:zlib'
import { Cursor } from '#kit/amqp/cursor.ts'
import { readTable, type Table, writeTable } from '#kit/amqp/table.ts'
import { Writer } from '#kit/amqp/writer.ts'
import type { BindingRecord, Change, ExchangeRecord, QueueRecord, Recovered } from './store.ts'

const headSize = 8

/** Numbers of queues that are gone are never used again: messages on disk may still name them. */
type Record = Change | { kind: 'next-queue'; record: { id: number } }

export class Topology {
  lastQueueId = 0
  readonly #exchanges = new Map<string, ExchangeRecord>()
  readonly #queues = new Map<number, QueueRecord>()
  readonly #bindings = new Map<string, BindingRecord>()

  apply({ kind, record }: Record): void {
    switch (kind) {
      case 'exchange':
        this.#exchanges.set(key([record.vhost, record.name]), record)
        break
      case 'exchange-gone':
        this.#exchanges.delete(key([record.vhost, record.name]))
        break
      case 'queue':
        this.#queues.set(record.id, record)
        this.lastQueueId = Math.max(this.lastQueueId, record.id)
        break
      case 'queue-gone':
        this.#queues.delete(record.id)
        break
      case 'next-queue':
        this.lastQueueId = Math.max(this.lastQueueId, record.id)
        break
      case 'binding':
        this.#bindings.set(bindingKey(record), record)
        break
      case 'binding-gone':
        this.#bindings.delete(bindingKey(record))
        break
    }
  }

  now(): Recovered {
    return {
      exchanges: [...this.#exchanges.values()],
      queues: [...this.#queues.values()],
      bindings: [...this.#bindings.values()],
    }
  }

  hasQueue(id: number): boolean {
    return this.#queues.has(id)
  }

  /** All of it as records. */
  written(): Buffer {
    const writer = new Writer(4096)
    writeChange(writer, { kind: 'next-queue', record: { id: this.lastQueueId } })
    for (const record of this.#exchanges.values()) writeChange(writer, { kind: 'exchange', record })
    for (const record of this.#queues.values()) writeChange(writer, { kind: 'queue', record })
    for (const record of this.#bindings.values()) writeChange(writer, { kind: 'binding', record })
    return writer.written()
  }
}

export function writeChange(writer: Writer, change: Record): void {
  const start = writer.at
  writer.long(0)
  writer.long(0)
  writeTable(writer, { kind: change.kind, record: change.record as Table })
  const payload = start + headSize
  writer.buffer.writeUInt32BE(writer.at - payload, start)
  writer.buffer.writeUInt32BE(crc32(writer.buffer.subarray(payload, writer.at)), start + 4)
}

/** Without records that are damaged and followed by a whole one, or are a torn end. */
export function readTopology(file: Buffer): { topology: Topology; damaged: number; torn: number } {
  const topology = new Topology()
  let [at, damaged] = [0, 0]
  while (at < file.length) {
    const end = recordEnd(file, at)
    if (end === undefined) break
    if (isWhole(file, at, end))
      topology.apply(readTable(new Cursor(file, at + headSize, end)) as unknown as Record)
    else {
      const next = recordEnd(file, end)
      if (next === undefined || !isWhole(file, end, next)) break
      damaged++
    }
    at = end
  }
  return { topology, damaged, torn: file.length - at }
}

function recordEnd(file: Buffer, at: number): number | undefined {
  if (file.length - at < headSize) return undefined
  const end = at + headSize + file.readUInt32BE(at)
  return end > file.length || end === at + headSize ? undefined : end
}

function isWhole(file: Buffer, at: number, end: number): boolean {
  return crc32(file.subarray(at + headSize, end)) === file.readUInt32BE(at + 4)
}

function bindingKey({ vhost, source, destination, toQueue, routingKey, arguments: table }: BindingRecord) {
  return key([vhost, source, destination, toQueue, routingKey, table])
}

/** Octets tell values apart that JSON can't write, and keep 1 and '1' two things. */
function key(values: unknown[]): string {
  const writer = new Writer(128)
  writeTable(writer, { values: values as Table[] })
  return writer.written().toString('latin1')
}
