// Adds to servers what their rows don't hold, a whole page in two or three queries.
import type { ComputeContext } from '../app.ts'
import type { Server } from '../resources/server.ts'
import { serverRules } from '../resources/server-rule.ts'
import type { ShownServer } from '../resources/server-view.ts'
import { isUp, type Service } from '../resources/service.ts'
import { volumesOf } from '../store/block-device.ts'
import { servicesOfHosts } from '../store/host.ts'
import { groupsOfServer } from '../store/server-group.ts'
import { loadServer } from './server-load.ts'
import { readZones } from './zone.ts'

export async function withDetails(
  context: ComputeContext,
  servers: readonly Server[],
): Promise<ShownServer[]> {
  const { db, config, world } = context.app
  const seesExtended = context.allows(serverRules.extended, {})
  const seesHostStatus = context.allows(serverRules.hostStatus, {})
  const target = { project_id: context.caller.projectId, user_id: context.caller.userId }
  const seesSpecs = context.allows(serverRules.showSpecs, target)
  const volumes = await volumesOf(
    db,
    servers.map((each) => each.id),
  )
  const zones = await readZones(db, config)
  const services = seesHostStatus ? await computeServices(context, servers) : new Map<string, Service>()
  const now = world.clock.now()
  return servers.map((server) => ({
    ...server,
    volumes: volumes.get(server.id) ?? [],
    // Before it has a host, the zone that was asked for.
    zone: server.host === null ? (server.availabilityZone ?? '') : zones.ofHost(server.host),
    hostStatus: hostStatus(server, services, now, config.serviceDownTime),
    seesExtended,
    seesHostStatus,
    seesSpecs,
  }))
}

async function computeServices(
  context: ComputeContext,
  servers: readonly Server[],
): Promise<Map<string, Service>> {
  const hosts = [...new Set(servers.flatMap(({ host }) => host ?? []))]
  const services = hosts.length === 0 ? [] : await servicesOfHosts(context.app.db, hosts)
  return new Map(services.map((each) => [each.host, each]))
}

function hostStatus(
  server: Server,
  services: ReadonlyMap<string, Service>,
  now: number,
  downTime: number,
): string {
  const service = server.host === null ? undefined : services.get(server.host)
  if (!service) return ''
  if (service.forcedDown) return 'DOWN'
  if (!isUp(service, now, downTime)) return 'UNKNOWN'
  return service.disabled ? 'MAINTENANCE' : 'UP'
}

export async function showServer(context: ComputeContext, id: string): Promise<ShownServer> {
  const server = await loadServer(context, id, serverRules.show)
  return withGroups(context, server)
}

/** One server, with the groups that only a single one shows. */
export async function withGroups(context: ComputeContext, server: Server): Promise<ShownServer> {
  const [shown] = await withDetails(context, [server])
  if ((context.version ?? 2093) < 2071) return shown!
  return { ...shown!, groups: await groupsOfServer(context.app.db, server.id) }
}
