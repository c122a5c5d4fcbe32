// Indexes that hold all that is added up for quotas and for the scheduler: the rows of servers are wide, and a project or a
// host may have thousands.
import { ddl } from '#kit/db/ddl.ts'
import type { Migration } from '#kit/db/migrate.ts'

// Each with one statement that MariaDB commits by itself.
export const serverSums: readonly Migration[] = [
  {
    id: '0002-server-sum-of-project',
    up: (tx) => ddl(tx).addIndex('server', ['project_id', 'deleted_at', 'user_id', 'vcpus', 'memory_mb']),
  },
  {
    id: '0003-server-sum-of-host',
    up: (tx) => ddl(tx).addIndex('server', ['host', 'deleted_at', 'vm_state', 'vcpus', 'memory_mb']),
  },
  {
    id: '0004-no-server-by-host',
    up: (tx) => ddl(tx).dropIndex('server', ['host', 'deleted_at']),
  },
]
