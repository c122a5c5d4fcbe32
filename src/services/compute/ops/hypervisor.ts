// Hypervisors as operators see them: what their agents reported, and what our servers take of it.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { ComputeContext } from '../app.ts'
import { type Hypervisor, hypervisorRules, type ShownHypervisor } from '../resources/hypervisor.ts'
import { isUp } from '../resources/service.ts'
import { listHypervisors as findHypervisors, listServices } from '../store/host.ts'
import { diskOfHosts } from '../store/host-disk.ts'
import { listServers, loadOfHosts } from '../store/server.ts'

export type HypervisorList = { pattern?: string; withServers?: boolean; limit?: number; marker?: string }

export async function listHypervisors(
  context: ComputeContext,
  rule: PolicyRule,
  list: HypervisorList = {},
): Promise<{ hypervisors: ShownHypervisor[]; next: string | undefined }> {
  context.authorize(rule, {})
  const all = await shown(context)
  const { pattern } = list
  const matching = pattern === undefined ? all : all.filter((each) => each.node.includes(pattern))
  if (pattern !== undefined && matching.length === 0)
    throw new CloudError('notFound', `No hypervisor matching '${pattern}' could be found.`)
  const named = (each: Hypervisor) => ((context.version ?? 2093) >= 2053 ? each.id : String(each.number))
  const from = list.marker === undefined ? 0 : matching.findIndex((each) => named(each) === list.marker) + 1
  if (list.marker !== undefined && from === 0)
    throw new CloudError('badRequest', `marker [${list.marker}] not found`)
  const limit = list.limit ?? context.app.config.maxLimit
  const page = matching.slice(from, from + limit)
  const hypervisors = list.withServers ? await withServers(context, page) : page
  const last = page.at(-1)
  return { hypervisors, next: last && matching.length > from + limit ? named(last) : undefined }
}

export async function showHypervisor(
  context: ComputeContext,
  rule: PolicyRule,
  id: string,
  alsoServers: boolean,
): Promise<ShownHypervisor> {
  context.authorize(rule, {})
  const byUuid = (context.version ?? 2093) >= 2053
  const found = (await shown(context)).find((each) => (byUuid ? each.id : String(each.number)) === id)
  if (!found) throw new CloudError('notFound', `Hypervisor with ID '${id}' could not be found.`)
  return alsoServers ? (await withServers(context, [found]))[0]! : found
}

export async function showUptime(
  context: ComputeContext,
  id: string,
): Promise<{ hypervisor: ShownHypervisor; uptime: string }> {
  const hypervisor = await showHypervisor(context, hypervisorRules.uptime, id, false)
  const { uptime, host } = hypervisor
  if (uptime === null)
    throw new CloudError('badRequest', `Compute host ${host} is down: how long it was up isn't known.`)
  return { hypervisor, uptime }
}

async function withServers(
  context: ComputeContext,
  page: readonly ShownHypervisor[],
): Promise<ShownHypervisor[]> {
  const servers = await listServers(context.app.db, {
    equal: { host: page.map((each) => each.host), deletedAt: null },
    orderBy: [['number', 'asc']],
  })
  const byHost = Map.groupBy(servers, (each) => each.host)
  return page.map((each) => ({
    ...each,
    servers: (byHost.get(each.host) ?? []).map(({ id, name }) => ({ id, name })),
  }))
}

async function shown(context: ComputeContext): Promise<ShownHypervisor[]> {
  const { db, config, world } = context.app
  const now = world.clock.now()
  const [hypervisors, services, loads, diskOf] = await Promise.all([
    findHypervisors(db),
    listServices(db),
    loadOfHosts(db),
    diskOfHosts(db),
  ])
  const serviceOf = new Map(
    services.flatMap((each) => (each.binary === 'nova-compute' ? [[each.host, each] as const] : [])),
  )
  return hypervisors.map((each) => {
    const service = serviceOf.get(each.host)
    const load = loads.get(each.host)
    const up = service !== undefined && isUp(service, now, config.serviceDownTime)
    return {
      ...each,
      up,
      enabled: service !== undefined && !service.disabled,
      disabledReason: service?.disabledReason ?? null,
      serviceNumber: service?.number ?? 0,
      serviceId: service?.id ?? '',
      used: {
        vcpus: load?.vcpus ?? 0,
        memoryMb: load?.memoryMb ?? 0,
        diskGb: diskOf.get(each.host) ?? 0,
        servers: load?.servers ?? 0,
        building: load?.building ?? 0,
      },
      reservedMemoryMb: config.reservedHostMemory,
      reservedDiskGb: config.reservedHostDisk,
      uptime: up ? uptimeOf(now, each.startedAt) : null,
    }
  })
}

/** Beginning as the command `uptime` does: the time, and how long since the start of the host's agent. */
function uptimeOf(now: number, startedAt: number): string {
  const minutes = Math.max(0, Math.floor((now - startedAt) / 60_000))
  const days = Math.floor(minutes / 1440)
  const clock = new Date(now).toISOString().slice(11, 19)
  const rest = `${Math.floor((minutes % 1440) / 60)}:${String(minutes % 60).padStart(2, '0')}`
  return `${clock} up ${days > 0 ? `${days} day${days > 1 ? 's' : ''}, ` : ''}${rest}`
}

export type Sums = Record<string, number>
export function sumsOf(hypervisors: readonly ShownHypervisor[]): Sums {
  const sum = (of: (each: ShownHypervisor) => number) =>
    hypervisors.reduce((total, each) => total + of(each), 0)
  const freeDisk = sum((each) => each.diskGb - each.reservedDiskGb - each.used.diskGb)
  return {
    count: hypervisors.length,
    vcpus: sum((each) => each.vcpus),
    vcpus_used: sum((each) => each.used.vcpus),
    memory_mb: sum((each) => each.memoryMb),
    memory_mb_used: sum((each) => each.reservedMemoryMb + each.used.memoryMb),
    free_ram_mb: sum((each) => each.memoryMb - each.reservedMemoryMb - each.used.memoryMb),
    local_gb: sum((each) => each.diskGb),
    local_gb_used: sum((each) => each.reservedDiskGb + each.used.diskGb),
    free_disk_gb: freeDisk,
    disk_available_least: freeDisk,
    running_vms: sum((each) => each.used.servers),
    current_workload: sum((each) => each.used.building),
  }
}
