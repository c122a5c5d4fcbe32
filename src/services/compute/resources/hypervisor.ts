// Hosts with their capacity, as their agents report it and as operators see it.
import { c, type RowOf, table } from '#kit/db/table.ts'
import { view } from '#kit/http/view.ts'
import { admin, rules } from './policy.ts'

export const hypervisor = table(
  'hypervisor',
  {
    number: c.autoId(),
    /** Also the id of its resource provider in placement. */
    id: c.id(),
    host: c.text(255),
    /** The name that it has among hypervisors; the host's own. */
    node: c.text(255),
    type: c.text(64),
    version: c.bigint(),
    architecture: c.text(64),
    accel: c.text(64),
    cpuModel: c.text(255),
    hostIp: c.text(64),
    vcpus: c.int(),
    memoryMb: c.int(),
    diskGb: c.int(),
    traits: c.json<string[]>(),
    runningGuests: c.int(),
    startedAt: c.time(),
    /** What placement was last told of it; null where it is to be told. */
    toldPlacement: c.nullable(c.text()),
    createdAt: c.time(),
    updatedAt: c.time(),
  },
  { unique: [['id'], ['host']] },
)
export type Hypervisor = RowOf<typeof hypervisor>

export type ShownHypervisor = Hypervisor & {
  up: boolean
  enabled: boolean
  disabledReason: string | null
  serviceNumber: number
  serviceId: string
  used: { vcpus: number; memoryMb: number; diskGb: number; servers: number; building: number }
  reservedMemoryMb: number
  reservedDiskGb: number
  /** Null where it is down. */
  uptime: string | null
  servers?: { id: string; name: string }[]
}

const status = {
  state: (h: ShownHypervisor) => (h.up ? 'up' : 'down'),
  status: (h: ShownHypervisor) => (h.enabled ? 'enabled' : 'disabled'),
}
const identity = {
  id: (h: ShownHypervisor, { version: at }: { version?: number }) =>
    at !== undefined && at < 2053 ? h.number : h.id,
  hypervisor_hostname: (h: ShownHypervisor) => h.node,
}
const servers = {
  servers: {
    since: '2.53',
    get: (h: ShownHypervisor, { version: at }: { version?: number }) => {
      if (!h.servers || (h.servers.length === 0 && (at ?? 2093) < 2075)) return undefined
      return h.servers.map((each) => ({ uuid: each.id, name: each.name }))
    },
  },
}
export const hypervisorBrief = view<ShownHypervisor>()({ ...identity, ...status, ...servers })

const cpuInfo = (h: Hypervisor) => ({
  arch: h.architecture,
  model: h.cpuModel,
  vendor: '',
  features: h.traits
    .filter((each) => each.startsWith('HW_CPU_'))
    .map((each) => each.split('_').at(-1)!.toLowerCase()),
  topology: { cores: h.vcpus, threads: 1, sockets: 1 },
})
const freeDisk = (h: ShownHypervisor) => h.diskGb - h.reservedDiskGb - h.used.diskGb
const until = { until: '2.87' } as const

export const hypervisorView = view<ShownHypervisor>()({
  ...identity,
  ...status,
  ...servers,
  host_ip: (h) => h.hostIp,
  hypervisor_type: (h) => h.type,
  hypervisor_version: (h) => h.version,
  service: (h, { version: at }) => ({
    id: at !== undefined && at < 2053 ? h.serviceNumber : h.serviceId,
    host: h.host,
    disabled_reason: h.disabledReason,
  }),
  uptime: { since: '2.88', get: (h) => h.uptime },
  cpu_info: {
    ...until,
    get: (h, { version: at }) => ((at ?? 2093) < 2028 ? JSON.stringify(cpuInfo(h)) : cpuInfo(h)),
  },
  vcpus: { ...until, get: (h) => h.vcpus },
  vcpus_used: { ...until, get: (h) => h.used.vcpus },
  memory_mb: { ...until, get: (h) => h.memoryMb },
  memory_mb_used: { ...until, get: (h) => h.reservedMemoryMb + h.used.memoryMb },
  free_ram_mb: { ...until, get: (h) => h.memoryMb - h.reservedMemoryMb - h.used.memoryMb },
  local_gb: { ...until, get: (h) => h.diskGb },
  local_gb_used: { ...until, get: (h) => h.reservedDiskGb + h.used.diskGb },
  free_disk_gb: { ...until, get: freeDisk },
  disk_available_least: { ...until, get: freeDisk },
  running_vms: { ...until, get: (h) => h.used.servers },
  current_workload: { ...until, get: (h) => h.used.building },
})

export const hypervisorRules = rules({
  list: ['os_compute_api:os-hypervisors:list', admin, 'List hypervisors'],
  detail: ['os_compute_api:os-hypervisors:list-detail', admin, 'List hypervisors with their details'],
  statistics: ['os_compute_api:os-hypervisors:statistics', admin, 'See the sums of all hypervisors'],
  show: ['os_compute_api:os-hypervisors:show', admin, 'Show a hypervisor'],
  uptime: ['os_compute_api:os-hypervisors:uptime', admin, 'See how long a hypervisor has been up'],
  search: ['os_compute_api:os-hypervisors:search', admin, 'Find hypervisors by name'],
  servers: ['os_compute_api:os-hypervisors:servers', admin, 'List the servers of hypervisors'],
})
