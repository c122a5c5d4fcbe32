// The first tables of network.
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

const standard = {
  id: 'id',
  project_id: 'text(255)',
  description: 'text(255)',
  revision: 'bigint',
  tags: 'json',
  created_at: 'time',
  updated_at: 'time',
} as const

export const first: Migration = {
  id: '0001-first',
  async up(tx) {
    const { createTable } = ddl(tx)
    await createTable(
      'network',
      {
        ...standard,
        name: 'text(255)',
        admin_state_up: 'bool',
        status: 'text(16)',
        mtu: 'int',
        shared: 'bool',
        external: 'bool',
        is_default: 'bool',
        port_security_enabled: 'bool',
        dns_domain: 'text(255)',
        availability_zone_hints: 'json',
        network_type: 'text(16)',
        physical_network: 'text(64)?',
        segmentation_id: 'bigint?',
        dhcp_generation: 'bigint',
        dhcp_ready_generation: 'bigint',
      },
      { index: [['project_id'], ['created_at', 'id']] },
    )
    await createTable(
      'network_segment',
      { network_type: 'text(16)', physical_network: 'text(64)', segmentation_id: 'bigint', network_id: 'id' },
      { primaryKey: ['network_type', 'physical_network', 'segmentation_id'], index: [['network_id']] },
    )
    await createTable(
      'subnet',
      {
        ...standard,
        network_id: 'id',
        name: 'text(255)',
        ip_version: 'int',
        cidr: 'text(64)',
        gateway_ip: 'text(64)?',
        enable_dhcp: 'bool',
        dns_nameservers: 'json',
        host_routes: 'json',
        ipv6_ra_mode: 'text(32)?',
        ipv6_address_mode: 'text(32)?',
        service_types: 'json',
      },
      { index: [['network_id'], ['project_id'], ['created_at', 'id']] },
    )
    await createTable(
      'ipallocationpools',
      { id: 'id', subnet_id: 'id', first_ip: 'text(64)', last_ip: 'text(64)' },
      { index: [['subnet_id']] },
    )
    await createTable(
      'ipallocations',
      { port_id: 'id', ip_address: 'text(64)', subnet_id: 'id', network_id: 'id' },
      { primaryKey: ['network_id', 'ip_address'], index: [['port_id'], ['subnet_id']] },
    )
    await createTable(
      'port',
      {
        ...standard,
        network_id: 'id',
        name: 'text(255)',
        admin_state_up: 'bool',
        status: 'text(16)',
        mac_address: 'text(17)',
        device_id: 'text(255)',
        device_owner: 'text(255)',
        host_id: 'text(255)',
        vif_type: 'text(32)',
        vif_details: 'json',
        vnic_type: 'text(32)',
        profile: 'json',
        port_security_enabled: 'bool',
        allowed_address_pairs: 'json',
        extra_dhcp_opts: 'json',
        dns_name: 'text(255)',
        wiring_generation: 'bigint',
        wired: 'bool',
        dhcp_generation: 'bigint',
      },
      {
        unique: [['network_id', 'mac_address']],
        index: [
          ['device_id'],
          ['host_id'],
          ['project_id'],
          ['device_owner', 'network_id'],
          ['created_at', 'id'],
        ],
      },
    )
    await createTable(
      'security_group',
      { ...standard, name: 'text(255)', stateful: 'bool' },
      {
        index: [
          ['project_id', 'name'],
          ['created_at', 'id'],
        ],
      },
    )
    await createTable(
      'default_security_group',
      { project_id: 'text(255)', security_group_id: 'id' },
      { primaryKey: ['project_id'] },
    )
    await createTable(
      'security_group_rule',
      {
        ...standard,
        security_group_id: 'id',
        direction: 'text(8)',
        ethertype: 'text(8)',
        protocol: 'text(40)?',
        port_range_min: 'int?',
        port_range_max: 'int?',
        remote_ip_prefix: 'text(64)?',
        remote_group_id: 'id?',
        meaning: 'text(255)',
      },
      {
        unique: [['security_group_id', 'meaning']],
        index: [['project_id'], ['remote_group_id'], ['created_at', 'id']],
      },
    )
    await createTable(
      'port_security_group',
      { port_id: 'id', security_group_id: 'id' },
      { primaryKey: ['port_id', 'security_group_id'], index: [['security_group_id']] },
    )
    await createTable(
      'agent',
      {
        id: 'id',
        agent_type: 'text(255)',
        binary: 'text(255)',
        topic: 'text(255)',
        host: 'text(255)',
        availability_zone: 'text(255)?',
        admin_state_up: 'bool',
        description: 'text(255)?',
        configurations: 'json',
        created_at: 'time',
        started_at: 'time',
        heartbeat_at: 'time',
      },
      { unique: [['agent_type', 'host']] },
    )
    await createTable(
      'network_dhcp_agent',
      { network_id: 'id', agent_id: 'id' },
      { primaryKey: ['network_id'], index: [['agent_id']] },
    )
    await createTable(
      'router',
      {
        ...standard,
        name: 'text(255)',
        admin_state_up: 'bool',
        status: 'text(16)',
        enable_snat: 'bool',
        gateway_network_id: 'id?',
        gateway_port_id: 'id?',
        routes: 'json',
        availability_zone_hints: 'json',
        generation: 'bigint',
      },
      { index: [['project_id'], ['gateway_network_id'], ['created_at', 'id']] },
    )
    await createTable(
      'router_l3_agent',
      { router_id: 'id', agent_id: 'id' },
      { primaryKey: ['router_id'], index: [['agent_id']] },
    )
    await createTable(
      'floatingip',
      {
        ...standard,
        floating_network_id: 'id',
        floating_ip_address: 'text(64)',
        floating_port_id: 'id',
        fixed_port_id: 'id?',
        fixed_ip_address: 'text(64)?',
        router_id: 'id?',
        status: 'text(16)',
        dns_name: 'text(255)',
        dns_domain: 'text(255)',
      },
      {
        unique: [
          ['floating_network_id', 'floating_ip_address'],
          ['floating_network_id', 'fixed_port_id', 'fixed_ip_address'],
        ],
        index: [['project_id'], ['router_id'], ['fixed_port_id'], ['floating_port_id'], ['created_at', 'id']],
      },
    )
    await createTable('host_wiring', { host: 'text(255)', generation: 'bigint' }, { primaryKey: ['host'] })
    await createTable(
      'compute_event',
      {
        id: 'autoId',
        name: 'text(64)',
        server_id: 'id',
        port_id: 'id',
        created_at: 'time',
        attempts: 'int',
        run_at: 'time',
        trace_id: 'text(32)',
        span_id: 'text(16)',
      },
      { index: [['run_at']] },
    )
    await createTable(
      'quota',
      { project_id: 'text(255)', resource: 'text(64)', limit: 'int' },
      { primaryKey: ['project_id', 'resource'] },
    )
  },
}
