// Keys that several controllers share.
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

export const sharedKeys: Migration = {
  id: '0004-shared-key',
  async up(tx) {
    await ddl(tx).createTable(
      'shared_key',
      { kind: 'text(32)', number: 'int', sealed: 'text', created_at: 'time' },
      { primaryKey: ['kind', 'number'] },
    )
  },
}
