// What the servers of a project have used in a span of time: computed from the servers' rows, those of deleted ones too.
import { view } from '#kit/http/view.ts'
import { admin, reader, rules } from './policy.ts'
import type { Server } from './server.ts'
import { inMicroseconds, orNull } from './time.ts'

export type ServerUsage = {
  server: Server
  /** Within the span. */
  hours: number
  /** Since its launch, whatever the span. */
  uptimeSeconds: number
}
export type Span = { from: number; to: number }
export type ProjectUsage = Span & { projectId: string; servers: ServerUsage[] }

export const diskOf = ({ flavor }: Server) => flavor.rootGb + flavor.ephemeralGb

export const serverUsageView = view<ServerUsage>()({
  instance_id: (u) => u.server.id,
  name: (u) => u.server.name,
  hours: (u) => u.hours,
  memory_mb: (u) => u.server.memoryMb,
  local_gb: (u) => diskOf(u.server),
  vcpus: (u) => u.server.vcpus,
  tenant_id: (u) => u.server.projectId,
  flavor: (u) => u.server.flavor.name,
  started_at: (u) => orNull(inMicroseconds, u.server.launchedAt),
  ended_at: (u) => orNull(inMicroseconds, u.server.terminatedAt),
  state: (u) => (u.server.terminatedAt === null ? u.server.vmState : 'terminated'),
  uptime: (u) => u.uptimeSeconds,
})

const total = (usage: ProjectUsage, of: (server: Server) => number) =>
  usage.servers.reduce((sum, each) => sum + each.hours * of(each.server), 0)

export const projectUsageView = view<ProjectUsage>()({
  tenant_id: (u) => u.projectId,
  start: (u) => inMicroseconds(u.from),
  stop: (u) => inMicroseconds(u.to),
  total_hours: (u) => total(u, () => 1),
  total_memory_mb_usage: (u) => total(u, (server) => server.memoryMb),
  total_local_gb_usage: (u) => total(u, diskOf),
  total_vcpus_usage: (u) => total(u, (server) => server.vcpus),
})

export const usageRules = rules({
  list: ['os_compute_api:os-simple-tenant-usage:list', admin, 'See what all projects use'],
  show: ['os_compute_api:os-simple-tenant-usage:show', reader, 'See what a project uses'],
})
