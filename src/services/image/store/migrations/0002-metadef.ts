// Tables of metadata definitions.
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

const times = { created_at: 'time', updated_at: 'time' } as const
const inNamespace = { namespace_id: 'id', name: 'text(80)' } as const
const byName = { primaryKey: ['namespace_id', 'name'] }

export const metadef: Migration = {
  id: '0002-metadef',
  async up(tx) {
    const { createTable } = ddl(tx)
    await createTable(
      'metadef_namespace',
      {
        id: 'id',
        namespace: 'text(80)',
        display_name: 'text(80)?',
        description: 'text(500)?',
        visibility: 'text(16)',
        protected: 'bool',
        owner: 'text(255)?',
        ...times,
      },
      { unique: [['namespace']], index: [['created_at', 'id']] },
    )
    await createTable(
      'metadef_object',
      { ...inNamespace, description: 'text?', required: 'json', properties: 'json', ...times },
      byName,
    )
    await createTable('metadef_property', { ...inNamespace, definition: 'json', ...times }, byName)
    await createTable('metadef_tag', { ...inNamespace, ...times }, byName)
    await createTable('metadef_resource_type', { name: 'text(80)', ...times }, { primaryKey: ['name'] })
    await createTable(
      'metadef_association',
      {
        namespace_id: 'id',
        resource_type: 'text(80)',
        prefix: 'text(80)?',
        properties_target: 'text(80)?',
        ...times,
      },
      { primaryKey: ['namespace_id', 'resource_type'], index: [['resource_type']] },
    )
  },
}
