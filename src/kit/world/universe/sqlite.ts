// SQLite databases on a machine's disk, in memory: real SQLite with real locks between connections. A connection of a
// killed process is closed, which rolls back what it had open.
import { DatabaseSync } from 'node:sqlite'
import type { Sqlite } from '../world.ts'
import type { Owner } from './queue.ts'

export type Databases = {
  /** The door for one process; `drop` closes what it holds. */
  of(owner: Owner): Sqlite
  drop(owner: Owner): void
  /** The rows of a query on a connection of its own. */
  query(path: string, sql: string, values?: readonly (string | number | null)[]): Record<string, unknown>[]
  readonly paths: string[]
  close(): void
}

/** Names in memory are the host process's. */
let opened = 0

/** `exists` throws where no such file is on the disk. */
export function openDatabases(machine: string, exists: (path: string) => void): Databases {
  const place = `/${opened++}-${machine}`
  /** Keeps the database while nobody has it open, and answers questions from outside. */
  const anchors = new Map<string, DatabaseSync>()
  const held = new Map<Owner, Set<DatabaseSync>>()
  const urlOf = (path: string) => new URL(`file://${place}${path}?vfs=memdb`)
  const anchorOf = (path: string): DatabaseSync => {
    const found = anchors.get(path)
    if (found) return found
    const anchor = new DatabaseSync(urlOf(path), { timeout: 0 })
    anchors.set(path, anchor)
    return anchor
  }
  return {
    of: (owner) => ({
      open(path, options = {}) {
        const settings = { enableForeignKeyConstraints: options.foreignKeys ?? true, timeout: 0 }
        if (path !== ':memory:') {
          exists(path)
          anchorOf(path)
        }
        const database = new DatabaseSync(path === ':memory:' ? path : urlOf(path), settings)
        const own = held.get(owner) ?? new Set()
        held.set(owner, own.add(database))
        return database
      },
    }),
    drop(owner) {
      for (const database of held.get(owner) ?? []) if (database.isOpen) database.close()
      held.delete(owner)
    },
    query: (path, sql, values = []) =>
      anchorOf(path)
        .prepare(sql)
        .all(...values),
    get paths() {
      return [...anchors.keys()].sort()
    },
    close() {
      for (const owner of [...held.keys()]) this.drop(owner)
      for (const anchor of anchors.values()) anchor.close()
      anchors.clear()
    },
  }
}
