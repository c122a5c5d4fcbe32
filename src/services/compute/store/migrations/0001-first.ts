// The first form of compute's database.
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

export const first: Migration = {
  id: '0001-first',
  async up(tx) {
    const { createTable } = ddl(tx)
    await createTable(
      'flavor',
      {
        id: 'text(255)',
        name: 'text(255)',
        vcpus: 'int',
        memory_mb: 'int',
        root_gb: 'int',
        ephemeral_gb: 'int',
        swap_mb: 'int',
        rxtx_factor: 'real',
        is_public: 'bool',
        description: 'text?',
        extra_specs: 'json',
        created_at: 'time',
      },
      { unique: [['name']] },
    )
    await createTable(
      'flavor_access',
      {
        flavor_id: 'text(255)',
        project_id: 'text(64)',
      },
      { primaryKey: ['flavor_id', 'project_id'], index: [['project_id']] },
    )
    await createTable(
      'keypair',
      {
        number: 'autoId',
        user_id: 'text(64)',
        name: 'text(255)',
        type: 'text(10)',
        public_key: 'text',
        fingerprint: 'text(255)',
        created_at: 'time',
      },
      { unique: [['user_id', 'name']] },
    )
    await createTable(
      'quota',
      {
        project_id: 'text(255)',
        user_id: 'text(255)',
        resource: 'text(64)',
        limit: 'int',
      },
      { primaryKey: ['project_id', 'user_id', 'resource'] },
    )
    await createTable(
      'quota_class',
      {
        class_name: 'text(255)',
        resource: 'text(64)',
        limit: 'int',
      },
      { primaryKey: ['class_name', 'resource'] },
    )
    await createTable(
      'server_group',
      {
        id: 'id',
        project_id: 'text(64)',
        user_id: 'text(64)',
        name: 'text(255)',
        policy: 'text(32)',
        rules: 'json',
        created_at: 'time',
      },
      { index: [['project_id']] },
    )
    await createTable(
      'server_group_member',
      {
        group_id: 'id',
        server_id: 'id',
      },
      { primaryKey: ['group_id', 'server_id'], index: [['server_id']] },
    )
    await createTable(
      'server',
      {
        number: 'autoId',
        id: 'id',
        reservation_id: 'text(64)',
        launch_index: 'int',
        project_id: 'text(64)',
        user_id: 'text(64)',
        name: 'text(255)',
        hostname: 'text(255)',
        description: 'text(255)?',
        flavor_id: 'text(255)',
        flavor: 'json',
        vcpus: 'int',
        memory_mb: 'int',
        image_id: 'id?',
        key_name: 'text(255)?',
        metadata: 'json',
        tags: 'json',
        user_data: 'text?',
        config_drive: 'bool',
        access_ip_v4: 'text(64)?',
        access_ip_v6: 'text(64)?',
        availability_zone: 'text(255)?',
        host: 'text(255)?',
        node: 'text(255)?',
        vm_state: 'text(32)',
        task_state: 'text(64)?',
        power_state: 'int',
        progress: 'int',
        locked_by: 'text(16)?',
        locked_reason: 'text(255)?',
        disk_config: 'text(16)',
        root_device: 'text(255)?',
        trusted_certificates: 'json?',
        security_groups: 'json',
        addresses: 'json',
        fault: 'json?',
        generation: 'int',
        desired_power: 'text(16)',
        launched_at: 'time?',
        terminated_at: 'time?',
        deleted_at: 'time?',
        created_at: 'time',
        updated_at: 'time',
      },
      {
        unique: [['id']],
        index: [
          ['project_id', 'deleted_at', 'created_at'],
          ['host', 'deleted_at'],
          ['deleted_at', 'created_at'],
          ['reservation_id'],
        ],
      },
    )
    await createTable(
      'request_spec',
      {
        server_id: 'id',
        spec: 'json',
      },
      { primaryKey: ['server_id'] },
    )
    await createTable(
      'server_password',
      {
        server_id: 'id',
        password: 'text',
        created_at: 'time',
      },
      { primaryKey: ['server_id'] },
    )
    await createTable(
      'block_device',
      {
        id: 'id',
        server_id: 'id',
        source: 'text(16)',
        destination: 'text(16)',
        boot_index: 'int?',
        device: 'text(255)',
        image_id: 'id?',
        snapshot_id: 'id?',
        volume_id: 'id?',
        volume_type: 'text(255)?',
        size_gb: 'int?',
        guest_format: 'text(255)?',
        delete_on_termination: 'bool',
        made: 'bool',
        attachment_id: 'id?',
        tag: 'text(60)?',
        state: 'text(16)',
        created_at: 'time',
      },
      { index: [['server_id'], ['volume_id']] },
    )
    await createTable(
      'server_action',
      {
        number: 'autoId',
        server_id: 'id',
        request_id: 'text(64)',
        action: 'text(64)',
        project_id: 'text(64)',
        user_id: 'text(64)',
        message: 'text?',
        start_at: 'time',
        updated_at: 'time',
      },
      { unique: [['server_id', 'request_id', 'action']], index: [['updated_at']] },
    )
    await createTable(
      'server_action_event',
      {
        number: 'autoId',
        action_number: 'bigint',
        event: 'text(255)',
        host: 'text(255)?',
        host_id: 'text(64)',
        start_at: 'time',
        finish_at: 'time?',
        result: 'text(16)?',
        details: 'text?',
      },
      { index: [['action_number']] },
    )
    await createTable(
      'service',
      {
        number: 'autoId',
        id: 'id',
        host: 'text(255)',
        binary: 'text(64)',
        disabled: 'bool',
        disabled_reason: 'text(255)?',
        forced_down: 'bool',
        seen_at: 'time',
        updated_at: 'time',
        created_at: 'time',
      },
      { unique: [['id'], ['host', 'binary']] },
    )
    await createTable(
      'hypervisor',
      {
        number: 'autoId',
        id: 'id',
        host: 'text(255)',
        node: 'text(255)',
        type: 'text(64)',
        version: 'bigint',
        architecture: 'text(64)',
        accel: 'text(64)',
        cpu_model: 'text(255)',
        host_ip: 'text(64)',
        vcpus: 'int',
        memory_mb: 'int',
        disk_gb: 'int',
        traits: 'json',
        running_guests: 'int',
        started_at: 'time',
        told_placement: 'text?',
        created_at: 'time',
        updated_at: 'time',
      },
      { unique: [['id'], ['host']] },
    )
    await createTable(
      'aggregate',
      {
        number: 'autoId',
        id: 'id',
        name: 'text(255)',
        hosts: 'json',
        metadata: 'json',
        created_at: 'time',
        updated_at: 'time?',
      },
      { unique: [['id'], ['name']] },
    )
    await createTable(
      'console_token',
      {
        hash: 'text(64)',
        server_id: 'id',
        kind: 'text(16)',
        expires_at: 'time',
      },
      { primaryKey: ['hash'], index: [['expires_at'], ['server_id']] },
    )
  },
}
