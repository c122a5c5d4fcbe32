// SQLite on the host's files.
import { DatabaseSync } from 'node:sqlite'
import type { Sqlite } from './world.ts'

export const realSqlite: Sqlite = {
  open: (path, { timeoutMs = 0, foreignKeys = true } = {}) =>
    new DatabaseSync(path, { timeout: timeoutMs, enableForeignKeyConstraints: foreignKeys }),
}
