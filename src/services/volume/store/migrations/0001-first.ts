// The first tables of volume.
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

export const first: Migration = {
  id: '0001-first',
  async up(tx) {
    const { createTable } = ddl(tx)
    await createTable(
      'volume',
      {
        number: 'autoId',
        id: 'id',
        project_id: 'text(64)',
        user_id: 'text(64)',
        name: 'text(255)?',
        description: 'text(255)?',
        size: 'int',
        status: 'text(32)',
        host: 'text(255)?',
        type_id: 'id',
        availability_zone: 'text(255)',
        bootable: 'bool',
        multiattach: 'bool',
        read_only: 'bool',
        metadata: 'json',
        image_metadata: 'json',
        migration_status: 'text(32)?',
        updated_at: 'time?',
        created_at: 'time',
      },
      {
        primaryKey: ['number'],
        unique: [['id']],
        index: [['project_id', 'number'], ['host'], ['type_id'], ['status']],
      },
    )
    await createTable(
      'volume_attachment',
      {
        id: 'id',
        volume_id: 'id',
        project_id: 'text(64)',
        server_id: 'text(64)?',
        host_name: 'text(255)?',
        mountpoint: 'text(255)?',
        status: 'text(32)',
        mode: 'text(8)',
        connection_info: 'json',
        attached_at: 'time?',
        created_at: 'time',
      },
      { primaryKey: ['id'], index: [['volume_id'], ['project_id'], ['server_id']] },
    )
    await createTable(
      'volume_type',
      {
        id: 'id',
        name: 'text(255)',
        description: 'text(255)?',
        is_public: 'bool',
        extra_specs: 'json',
        updated_at: 'time?',
        created_at: 'time',
      },
      { primaryKey: ['id'], unique: [['name']] },
    )
    await createTable(
      'volume_type_access',
      { type_id: 'id', project_id: 'text(64)' },
      { primaryKey: ['type_id', 'project_id'] },
    )
    await createTable(
      'quota',
      { project_id: 'text(64)', resource: 'text(300)', limit: 'int' },
      { primaryKey: ['project_id', 'resource'] },
    )
    await createTable(
      'quota_class',
      { class_name: 'text(255)', resource: 'text(300)', limit: 'int' },
      { primaryKey: ['class_name', 'resource'] },
    )
    await createTable(
      'volume_service',
      {
        id: 'id',
        binary: 'text(64)',
        host: 'text(255)',
        disabled: 'bool',
        disabled_reason: 'text(255)?',
        total_gib: 'real',
        free_gib: 'real',
        seen_at: 'time',
        updated_at: 'time',
        created_at: 'time',
      },
      { primaryKey: ['id'], unique: [['binary', 'host']] },
    )
  },
}
