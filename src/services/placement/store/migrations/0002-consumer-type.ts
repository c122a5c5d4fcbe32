// Consumers tell what they are (1.38), and when their allocations last changed. Roots are found in the order of their ids.
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

export const consumerType: Migration = {
  id: '0002-consumer-type',
  async up(tx) {
    const { addColumn, addIndex, dropIndex } = ddl(tx)
    await addColumn('consumer', 'consumer_type', 'text(255)?')
    await addColumn('consumer', 'updated_at', 'time', 0)
    await addIndex('resource_provider', ['parent_uuid', 'uuid'])
    await dropIndex('resource_provider', ['parent_uuid'])
  },
}
