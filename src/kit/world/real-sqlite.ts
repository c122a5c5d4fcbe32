// SQLite on the host's files.
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Sqlite } from './world.ts'

export const realSqlite: Sqlite = {
  open(path, { timeoutMs = 0, foreignKeys = true } = {}) {
    const database = new DatabaseSync(path, { timeout: timeoutMs, enableForeignKeyConstraints: foreignKeys })
    const log = path === ':memory:' ? undefined : walOf(path)
    const close = database.close.bind(database)
    return Object.assign(database, {
      flush: async () => log?.flush(),
      close() {
        close()
        void log?.close()
      },
    })
  },
}

/** The kernel flushes a file's pages whoever wrote them, and on a thread of its own. */
function walOf(path: string) {
  let opened: Promise<FileHandle> | undefined
  const openNow = async () => {
    const folder = await open(dirname(path), 'r')
    try {
      // The file's name, too, has to be there after a power cut.
      await folder.sync()
      return await open(`${path}-wal`, 'r')
    } finally {
      await folder.close()
    }
  }
  return {
    async flush() {
      opened ??= openNow().catch((error) => {
        opened = undefined
        throw error
      })
      await (await opened).datasync()
    },
    async close() {
      await (await opened?.catch(() => undefined))?.close()
    },
  }
}
