// A provider's state is one number: what is kept of it in memory is compared by it.
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

export const providerEdition: Migration = {
  id: '0003-provider-edition',
  async up(tx) {
    await ddl(tx).addColumn('resource_provider', 'edition', 'bigint', 0)
  },
}
