// Snapshots of a simulated cloud over the API: what `nimbo snapshot` asks, and how it shows it.
import type { Session } from '../openstack.ts'
import { columns, paint, type Terminal } from '../terminal.ts'

export type Snapshot = {
  name: string
  description: string
  created_at: string
  version: string
  hosts: number
  size_bytes: number
  took_ms: number
}

const patienceMs = 120_000
const pathOf = (name: string) => `/snapshots/${encodeURIComponent(name)}`

export async function listSnapshots(session: Session): Promise<Snapshot[]> {
  return (await session.call<{ snapshots: Snapshot[] }>('simulation', { path: '/snapshots' })).snapshots
}

export async function saveSnapshot(session: Session, name: string, description?: string): Promise<Snapshot> {
  const answer = await session.call<{ snapshot: Snapshot }>('simulation', {
    method: 'POST',
    path: '/snapshots',
    body: { snapshot: { name, ...(description !== undefined && { description }) } },
    timeoutMs: patienceMs,
  })
  return answer.snapshot
}

/** The cloud answers again when this does. */
export async function restoreSnapshot(session: Session, name: string): Promise<Snapshot> {
  const answer = await session.call<{ snapshot: Snapshot }>('simulation', {
    method: 'POST',
    path: `${pathOf(name)}/restore`,
    timeoutMs: patienceMs,
  })
  return answer.snapshot
}

export async function deleteSnapshot(session: Session, name: string): Promise<void> {
  await session.call('simulation', { method: 'DELETE', path: pathOf(name) })
}

export function formatSnapshots(
  snapshots: readonly Snapshot[],
  terminal: Pick<Terminal, 'colors'>,
): string[] {
  if (snapshots.length === 0) return ['There is no snapshot.']
  const rows = snapshots.map(({ name, created_at, hosts, size_bytes, version, description }) => [
    name,
    created_at.slice(0, 19).replace('T', ' '),
    String(hosts),
    megabytes(size_bytes),
    version,
    description,
  ])
  const [head, ...lines] = columns(
    [['NAME', 'SAVED (UTC)', 'HOSTS', 'SIZE', 'VERSION', 'DESCRIPTION'], ...rows],
    [2, 3],
  )
  return [paint(terminal, 'bold', head!), ...lines]
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}
