// All tables of the first release.
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

export const first: Migration = {
  id: '0001-first',
  async up(tx) {
    const { createTable } = ddl(tx)
    await createTable(
      'project',
      {
        id: 'text(64)',
        name: 'text(64)',
        domain_id: 'text(64)',
        parent_id: 'text(64)?',
        description: 'text?',
        enabled: 'bool',
        is_domain: 'bool',
        tags: 'json',
        options: 'json',
        extra: 'json',
        created_at: 'time',
      },
      { unique: [['domain_id', 'name']], index: [['parent_id'], ['is_domain', 'name']] },
    )
    await createTable(
      'user',
      {
        id: 'text(64)',
        name: 'text(255)',
        domain_id: 'text(64)',
        description: 'text?',
        enabled: 'bool',
        default_project_id: 'text(64)?',
        password_hash: 'text?',
        options: 'json',
        extra: 'json',
        created_at: 'time',
      },
      { unique: [['domain_id', 'name']], index: [['default_project_id']] },
    )
    await createTable(
      'group',
      {
        id: 'text(64)',
        name: 'text(255)',
        domain_id: 'text(64)',
        description: 'text?',
        extra: 'json',
        created_at: 'time',
      },
      { unique: [['domain_id', 'name']] },
    )
    await createTable(
      'membership',
      { user_id: 'text(64)', group_id: 'text(64)', created_at: 'time' },
      { primaryKey: ['user_id', 'group_id'], index: [['group_id']] },
    )
    await createTable(
      'role',
      {
        id: 'text(64)',
        name: 'text(255)',
        domain_id: 'text(64)',
        description: 'text?',
        options: 'json',
        extra: 'json',
        created_at: 'time',
      },
      { unique: [['domain_id', 'name']] },
    )
    await createTable(
      'implication',
      { prior_role_id: 'text(64)', implied_role_id: 'text(64)' },
      { primaryKey: ['prior_role_id', 'implied_role_id'], index: [['implied_role_id']] },
    )
    await createTable(
      'assignment',
      {
        actor_id: 'text(64)',
        actor_kind: 'text(8)',
        target_kind: 'text(8)',
        target_id: 'text(64)',
        role_id: 'text(64)',
        inherited: 'bool',
        created_at: 'time',
      },
      {
        primaryKey: ['actor_id', 'actor_kind', 'target_kind', 'target_id', 'role_id', 'inherited'],
        index: [['target_id'], ['role_id']],
      },
    )
    await createTable(
      'region',
      {
        id: 'text(255)',
        description: 'text',
        parent_region_id: 'text(255)?',
        extra: 'json',
        created_at: 'time',
      },
      { index: [['parent_region_id']] },
    )
    await createTable(
      'service',
      {
        id: 'text(64)',
        type: 'text(255)',
        name: 'text(255)?',
        enabled: 'bool',
        extra: 'json',
        created_at: 'time',
      },
      { index: [['type']] },
    )
    await createTable(
      'endpoint',
      {
        id: 'text(64)',
        service_id: 'text(64)',
        interface: 'text(8)',
        region_id: 'text(255)?',
        url: 'text',
        enabled: 'bool',
        extra: 'json',
        created_at: 'time',
      },
      { index: [['service_id'], ['region_id']] },
    )
    await createTable(
      'credential',
      {
        id: 'text(64)',
        user_id: 'text(64)',
        project_id: 'text(64)?',
        type: 'text(255)',
        sealed_blob: 'text',
        extra: 'json',
        created_at: 'time',
      },
      { index: [['user_id'], ['project_id']] },
    )
    await createTable(
      'application_credential',
      {
        id: 'text(64)',
        name: 'text(255)',
        user_id: 'text(64)',
        project_id: 'text(64)',
        description: 'text?',
        secret_hash: 'text',
        role_ids: 'json',
        access_rule_ids: 'json?',
        expires_at: 'real?',
        unrestricted: 'bool',
        created_at: 'time',
      },
      { unique: [['user_id', 'name']], index: [['project_id']] },
    )
    await createTable(
      'access_rule',
      {
        id: 'text(64)',
        user_id: 'text(64)',
        service: 'text(64)',
        path: 'text(225)',
        method: 'text(16)',
        created_at: 'time',
      },
      { index: [['user_id']] },
    )
    await createTable(
      'trust',
      {
        id: 'text(64)',
        trustor_user_id: 'text(64)',
        trustee_user_id: 'text(64)',
        project_id: 'text(64)?',
        impersonation: 'bool',
        role_ids: 'json',
        expires_at: 'time?',
        remaining_uses: 'int?',
        redelegated_trust_id: 'text(64)?',
        redelegation_count: 'int',
        created_at: 'time',
      },
      { index: [['trustor_user_id'], ['trustee_user_id'], ['project_id'], ['redelegated_trust_id']] },
    )
    await createTable(
      'policy',
      { id: 'text(64)', type: 'text(255)', blob: 'text', extra: 'json', created_at: 'time' },
      { index: [['type']] },
    )
    await createTable(
      'revocation',
      {
        seq: 'autoId',
        user_id: 'text(64)?',
        project_id: 'text(64)?',
        domain_id: 'text(64)?',
        trust_id: 'text(64)?',
        application_credential_id: 'text(64)?',
        audit_id: 'text(32)?',
        issued_before: 'time',
        revoked_at: 'time',
      },
      {
        index: [
          ['revoked_at'],
          ['user_id'],
          ['project_id'],
          ['domain_id'],
          ['trust_id'],
          ['application_credential_id'],
        ],
      },
    )
    await createTable('epoch', { id: 'text(16)', value: 'bigint' })
  },
}
