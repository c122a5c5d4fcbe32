// What passwords and logins leave on a user, and the resources that came after the first release: domains' own
// configuration, limits, endpoint filters, policy associations, consumers.
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

export const identityResource: Migration = {
  id: '0003-identity-resource',
  async up(tx) {
    const { addColumns, createTable } = ddl(tx)
    await createTable(
      'old_password',
      { seq: 'autoId', user_id: 'text(64)', hash: 'text', created_at: 'time' },
      { index: [['user_id']] },
    )
    await createTable(
      'domain_option',
      { domain_id: 'text(64)', section: 'text(64)', name: 'text(64)', sealed_value: 'text' },
      { primaryKey: ['domain_id', 'section', 'name'] },
    )
    await createTable(
      'registered_limit',
      {
        id: 'text(64)',
        service_id: 'text(64)',
        region_id: 'text(255)',
        resource_name: 'text(255)',
        default_limit: 'int',
        description: 'text?',
        created_at: 'time',
      },
      { unique: [['service_id', 'region_id', 'resource_name']] },
    )
    await createTable(
      'resource_limit',
      {
        id: 'text(64)',
        registered_limit_id: 'text(64)',
        target_id: 'text(64)',
        is_domain: 'bool',
        resource_limit: 'int',
        description: 'text?',
        created_at: 'time',
      },
      { unique: [['registered_limit_id', 'target_id']], index: [['target_id']] },
    )
    await createTable('endpoint_group', {
      id: 'text(64)',
      name: 'text(255)',
      description: 'text?',
      filters: 'json',
      created_at: 'time',
    })
    await createTable(
      'project_endpoint',
      { project_id: 'text(64)', endpoint_id: 'text(64)' },
      { primaryKey: ['project_id', 'endpoint_id'], index: [['endpoint_id']] },
    )
    await createTable(
      'project_endpoint_group',
      { project_id: 'text(64)', endpoint_group_id: 'text(64)' },
      { primaryKey: ['project_id', 'endpoint_group_id'], index: [['endpoint_group_id']] },
    )
    await createTable(
      'policy_association',
      { endpoint_id: 'text(64)', service_id: 'text(64)', region_id: 'text(255)', policy_id: 'text(64)' },
      { primaryKey: ['endpoint_id', 'service_id', 'region_id'], index: [['policy_id']] },
    )
    await createTable('consumer', {
      id: 'text(64)',
      description: 'text?',
      sealed_secret: 'text',
      extra: 'json',
      created_at: 'time',
    })
    await addColumns('user', {
      password_set_at: 'time?',
      password_expires_at: 'time?',
      password_by_self: 'bool?',
      last_active_at: 'time?',
      failed_logins: 'int?',
      last_failed_at: 'time?',
    })
  },
}
