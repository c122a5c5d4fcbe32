// Durable exchanges, queues and bindings: one small file of changes, written whole again at each start.
import { Cursor } from '#kit/amqp/cursor.ts'
import { readTable, type Table, writeTable } from '#kit/amqp/table.ts'
import { Writer } from '#kit/amqp/writer.ts'
import { readEntries, writeChangeEntry } from './entry.ts'
import type { Change, Topology } from './store.ts'

export function writeChange(
  writer: Writer,
  change: Change | { kind: 'next-queue'; record: { id: number } },
): void {
  writeChangeEntry(writer, () => writeTable(writer, { kind: change.kind, record: change.record as Table }))
}

/** `lastQueueId` covers queues that are gone: messages on disk may still name them. */
export function readTopology(file: Buffer): Topology & { lastQueueId: number } {
  const exchanges = new Map<string, Topology['exchanges'][number]>()
  const queues = new Map<number, Topology['queues'][number]>()
  const bindings = new Map<string, Topology['bindings'][number]>()
  let lastQueueId = 0
  readEntries(file, (entry) => {
    if (entry.type !== 'change') return
    const { kind, record } = readTable(new Cursor(entry.octets)) as unknown as
      | Change
      | { kind: 'next-queue'; record: { id: number } }
    switch (kind) {
      case 'exchange':
        exchanges.set(key([record.vhost, record.name]), record)
        break
      case 'exchange-gone':
        exchanges.delete(key([record.vhost, record.name]))
        break
      case 'queue':
        queues.set(record.id, record)
        lastQueueId = Math.max(lastQueueId, record.id)
        break
      case 'queue-gone':
        queues.delete(record.id)
        break
      case 'next-queue':
        lastQueueId = Math.max(lastQueueId, record.id)
        break
      case 'binding':
        bindings.set(key(Object.values(record)), record)
        break
      case 'binding-gone':
        bindings.delete(key(Object.values(record)))
        break
    }
  })
  return {
    exchanges: [...exchanges.values()],
    queues: [...queues.values()],
    bindings: [...bindings.values()],
    lastQueueId,
  }
}

export function writeTopology(topology: Topology, lastQueueId: number): Buffer {
  const writer = new Writer(4096)
  writeChange(writer, { kind: 'next-queue', record: { id: lastQueueId } })
  for (const record of topology.exchanges) writeChange(writer, { kind: 'exchange', record })
  for (const record of topology.queues) writeChange(writer, { kind: 'queue', record })
  for (const record of topology.bindings) writeChange(writer, { kind: 'binding', record })
  return writer.written()
}

/** Octets tell values apart that JSON can't write, and keep 1 and '1' two things. */
function key(values: unknown[]): string {
  const writer = new Writer(128)
  writeTable(writer, { values: values as Table[] })
  return writer.written().toString('latin1')
}
