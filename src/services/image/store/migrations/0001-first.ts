// The first tables of image.
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

export const first: Migration = {
  id: '0001-first',
  async up(tx) {
    const { createTable } = ddl(tx)
    await createTable(
      'image',
      {
        id: 'id',
        name: 'text(255)?',
        status: 'text(32)',
        visibility: 'text(16)',
        owner: 'text(255)?',
        container_format: 'text(32)?',
        disk_format: 'text(32)?',
        size: 'bigint?',
        virtual_size: 'bigint?',
        checksum: 'text(32)?',
        os_hash_algo: 'text(64)?',
        os_hash_value: 'text(128)?',
        min_ram: 'int',
        min_disk: 'int',
        protected: 'bool',
        os_hidden: 'bool',
        created_at: 'time',
        updated_at: 'time',
      },
      { index: [['owner'], ['visibility'], ['created_at', 'id']] },
    )
    await createTable(
      'image_property',
      { image_id: 'id', name: 'text(255)', value: 'text' },
      { primaryKey: ['image_id', 'name'], index: [['name']] },
    )
    await createTable(
      'image_tag',
      { image_id: 'id', value: 'text(255)' },
      { primaryKey: ['image_id', 'value'], index: [['value']] },
    )
    await createTable(
      'image_member',
      { image_id: 'id', member_id: 'text(255)', status: 'text(16)', created_at: 'time', updated_at: 'time' },
      { primaryKey: ['image_id', 'member_id'], index: [['member_id', 'status']] },
    )
  },
}
