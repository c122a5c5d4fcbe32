// os-hosts, which ended at 2.42: services by host, and what is taken of a host, by project.
import { view } from '#kit/http/view.ts'
import { admin, rules } from './policy.ts'
import type { ShownService } from './service.ts'

export const hostView = view<ShownService>()({
  host_name: (s) => s.host,
  service: (s) => s.binary.replace(/^nova-/, ''),
  zone: (s) => s.zone,
})

export type HostShare = { host: string; project: string; cpu: number; memoryMb: number; diskGb: number }
export const hostShareView = view<HostShare>()({
  host: (h) => h.host,
  project: (h) => h.project,
  cpu: (h) => h.cpu,
  memory_mb: (h) => h.memoryMb,
  disk_gb: (h) => h.diskGb,
})

export const hostRules = rules({
  list: ['os_compute_api:os-hosts:list', admin, 'List hosts by their services'],
  show: ['os_compute_api:os-hosts:show', admin, 'See what is taken of a host'],
})
