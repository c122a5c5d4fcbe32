// Hosts as os-hosts shows them.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ComputeContext } from '../app.ts'
import { type HostShare, hostRules } from '../resources/host.ts'
import type { ShownService } from '../resources/service.ts'
import { diskOf } from '../resources/usage.ts'
import { listServices } from '../store/host.ts'
import { serversOfHost } from '../store/server.ts'
import { listHypervisors } from './hypervisor.ts'
import { shownService } from './service.ts'
import { readZones } from './zone.ts'

export async function listHosts(context: ComputeContext, zone: string | undefined): Promise<ShownService[]> {
  context.authorize(hostRules.list, {})
  const { db, config } = context.app
  const zones = await readZones(db, config)
  const services = (await listServices(db)).map((each) => shownService(context, each, zones))
  // A zone left blank asks for all of them.
  return services.filter((each) => !zone || each.zone === zone)
}

/** All of it, what is taken with what the host keeps for itself, what servers take, and that by project. */
export async function sharesOfHost(context: ComputeContext, host: string): Promise<HostShare[]> {
  const { hypervisors } = await listHypervisors(context, hostRules.show)
  const hypervisor = hypervisors.find((each) => each.host === host)
  if (!hypervisor) throw new CloudError('notFound', `Compute host ${host} could not be found.`)
  const { vcpus, memoryMb, diskGb, used, reservedMemoryMb, reservedDiskGb } = hypervisor
  const projects = new Map<string, HostShare>()
  for (const server of await serversOfHost(context.app.db, host)) {
    const before = projects.get(server.projectId)
    projects.set(server.projectId, {
      host,
      project: server.projectId,
      cpu: (before?.cpu ?? 0) + server.vcpus,
      memoryMb: (before?.memoryMb ?? 0) + server.memoryMb,
      diskGb: (before?.diskGb ?? 0) + diskOf(server),
    })
  }
  const shares = [...projects.values()]
  const sum = (of: (share: HostShare) => number) => shares.reduce((total, each) => total + of(each), 0)
  return [
    { host, project: '(total)', cpu: vcpus, memoryMb, diskGb },
    {
      host,
      project: '(used_now)',
      cpu: used.vcpus,
      memoryMb: used.memoryMb + reservedMemoryMb,
      diskGb: used.diskGb + reservedDiskGb,
    },
    {
      host,
      project: '(used_max)',
      cpu: sum((each) => each.cpu),
      memoryMb: sum((each) => each.memoryMb),
      diskGb: sum((each) => each.diskGb),
    },
    ...shares,
  ]
}
