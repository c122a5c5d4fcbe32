// Proofs of who one is that are good once, and were used.
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

export const spentProofs: Migration = {
  id: '0002-spent-proof',
  async up(tx) {
    const { createTable } = ddl(tx)
    await createTable('spent_proof', { id: 'text(128)', until: 'time' }, { index: [['until']] })
  },
}
