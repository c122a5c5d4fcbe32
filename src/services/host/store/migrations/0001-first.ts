// The first tables of the host service.
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

export const first: Migration = {
  id: '0001-first',
  async up(tx) {
    const { createTable } = ddl(tx)
    await createTable(
      'host',
      {
        name: 'text(64)',
        address: 'text(64)',
        version: 'text(64)',
        certificate_fingerprint: 'text(64)',
        certificate_until: 'time',
        key_fingerprint: 'text(64)',
        user_id: 'text(64)',
        joined_at: 'time',
        removed_at: 'time?',
      },
      { primaryKey: ['name'], unique: [['certificate_fingerprint']] },
    )
    await createTable(
      'join_token',
      {
        id: 'text(16)',
        secret_hash: 'text(64)',
        host_name: 'text(64)?',
        created_at: 'time',
        expires_at: 'time',
        used_at: 'time?',
        used_by: 'text(64)?',
        used_key: 'text(64)?',
      },
      { primaryKey: ['id'] },
    )
  },
}
