// The first tables of placement.
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

export const first: Migration = {
  id: '0001-first',
  async up(tx) {
    const { createTable } = ddl(tx)
    await createTable(
      'resource_provider',
      {
        uuid: 'id',
        name: 'text(200)',
        generation: 'int',
        root_uuid: 'id',
        parent_uuid: 'id?',
        updated_at: 'time',
        created_at: 'time',
      },
      { primaryKey: ['uuid'], unique: [['name']], index: [['root_uuid'], ['parent_uuid']] },
    )
    await createTable(
      'inventory',
      {
        provider_uuid: 'id',
        resource_class: 'text(255)',
        total: 'int',
        reserved: 'int',
        min_unit: 'int',
        max_unit: 'int',
        step_size: 'int',
        allocation_ratio: 'real',
        capacity: 'bigint',
        used: 'bigint',
        updated_at: 'time',
      },
      { primaryKey: ['provider_uuid', 'resource_class'], index: [['resource_class']] },
    )
    await createTable(
      'resource_provider_trait',
      { provider_uuid: 'id', trait: 'text(255)' },
      { primaryKey: ['provider_uuid', 'trait'], index: [['trait']] },
    )
    await createTable(
      'resource_provider_aggregate',
      { provider_uuid: 'id', aggregate_uuid: 'id' },
      { primaryKey: ['provider_uuid', 'aggregate_uuid'], index: [['aggregate_uuid']] },
    )
    await createTable('resource_class', { name: 'text(255)', created_at: 'time' }, { primaryKey: ['name'] })
    await createTable('trait', { name: 'text(255)', created_at: 'time' }, { primaryKey: ['name'] })
    await createTable(
      'consumer',
      { uuid: 'id', project_id: 'text(255)', user_id: 'text(255)', generation: 'int', created_at: 'time' },
      { primaryKey: ['uuid'], index: [['project_id', 'user_id']] },
    )
    await createTable(
      'allocation',
      { consumer_uuid: 'id', provider_uuid: 'id', resource_class: 'text(255)', used: 'int' },
      {
        primaryKey: ['consumer_uuid', 'provider_uuid', 'resource_class'],
        index: [['provider_uuid', 'resource_class']],
      },
    )
  },
}
