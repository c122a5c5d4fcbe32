// Versions by which hosts are told only what changed, and L2 agents' tunnel addresses where SQL can join them.
import type { Db } from '#kit/db/database.ts'
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

// Each with one statement that MariaDB commits by itself.
export const wiringVersions: readonly Migration[] = [
  {
    id: '0002-network-located-version',
    up: (tx) => ddl(tx).addColumn('network', 'located_version', 'bigint', 1),
  },
  {
    id: '0003-group-members-version',
    up: (tx) => ddl(tx).addColumn('security_group', 'members_version', 'bigint', 1),
  },
  { id: '0004-agent-tunnel-ip', up: (tx) => ddl(tx).addColumn('agent', 'tunnel_ip', 'text(64)?') },
  { id: '0005-known-tunnel-ips', up: fillTunnelIps },
]

/** Else hosts would forget each other until the next heart-beats. */
async function fillTunnelIps(tx: Db): Promise<void> {
  const rows = await tx.sql.selectFrom('agent').select(['id', 'agent_type', 'configurations']).execute()
  for (const { id, agent_type: type, configurations } of rows) {
    const { tunneling_ip: ip } = JSON.parse(String(configurations)) as { tunneling_ip?: unknown }
    if (type !== 'Open vSwitch agent' || typeof ip !== 'string' || ip === '') continue
    await tx.sql.updateTable('agent').set({ tunnel_ip: ip }).where('id', '=', id).execute()
  }
}
