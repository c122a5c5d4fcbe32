// What a volume that is being made larger will take, so that quotas count it at once.
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

export const growth: Migration = {
  id: '0002-growth',
  up: (tx) => ddl(tx).addColumn('volume', 'grows_to', 'int?'),
}
