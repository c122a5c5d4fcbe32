// Keys of tokens and credentials where several controllers share the database: sealed, for the database is not to know them.
import { c, type RowOf, table } from '#kit/db/table.ts'

export const sharedKey = table(
  'shared_key',
  {
    /** 'token-keys', as the folder is called elsewhere. */
    kind: c.text(32),
    /** 0 is staged. */
    number: c.int(),
    sealed: c.text(),
    createdAt: c.time(),
  },
  { primaryKey: ['kind', 'number'] },
)
export type SharedKey = RowOf<typeof sharedKey>
