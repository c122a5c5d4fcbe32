// A copy of chosen tables, kept by a monitor, so that looking costs no round trip and no process.
import type { OvsdbClient, TableUpdates } from './client.ts'
import type { Row } from './value.ts'

export type Change = { table: string; uuid: string; old: Row | undefined; now: Row | undefined }

export type Replica = {
  /** Rows by uuid. */
  rows(table: string): ReadonlyMap<string, Row>
  /** The first row whose column `name` is this. */
  named(table: string, name: string): { uuid: string; row: Row } | undefined
  /** Resolves when `holds` is true of the copy, at once or after a change; rejects when the signal ends it. */
  until(holds: () => boolean, signal: AbortSignal): Promise<void>
}

export async function openReplica(
  client: OvsdbClient,
  database: string,
  tables: Record<string, readonly string[]>,
  changed: (changes: Change[]) => void,
): Promise<Replica> {
  const copy = new Map<string, Map<string, Row>>(Object.keys(tables).map((table) => [table, new Map()]))
  const watchers = new Set<() => void>()

  const apply = (updates: TableUpdates): Change[] => {
    const changes: Change[] = []
    for (const [table, rows] of Object.entries(updates)) {
      const held = copy.get(table)
      if (!held) continue
      for (const [uuid, change] of Object.entries(rows)) {
        const before = held.get(uuid)
        // `new` is the whole row among the chosen columns, also when only one of them changed.
        if (change.new) held.set(uuid, change.new)
        else held.delete(uuid)
        changes.push({ table, uuid, old: before, now: change.new })
      }
    }
    return changes
  }
  const first = await client.monitor(database, tables, (updates) => {
    const changes = apply(updates)
    for (const look of [...watchers]) look()
    changed(changes)
  })
  apply(first)

  return {
    rows: (table) => copy.get(table) ?? new Map(),
    named(table, name) {
      for (const [uuid, row] of copy.get(table) ?? []) if (row.name === name) return { uuid, row }
      return undefined
    },
    until: (holds, signal) =>
      new Promise((resolve, reject) => {
        if (holds()) return resolve()
        const stop = () => {
          watchers.delete(look)
          reject(signal.reason)
        }
        const look = () => {
          if (!holds()) return
          watchers.delete(look)
          signal.removeEventListener('abort', stop)
          resolve()
        }
        if (signal.aborted) return reject(signal.reason)
        signal.addEventListener('abort', stop, { once: true })
        watchers.add(look)
      }),
  }
}
