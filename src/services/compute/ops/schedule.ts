// The scheduler: candidates from placement, filters and weighers over them, a claim, and the host in the server's row.
import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Resources } from '#services/placement/client.ts'
import type { Compute } from '../app.ts'
import type { RequestedServer } from '../resources/request-spec.ts'
import type { Server } from '../resources/server.ts'
import { isUp } from '../resources/service.ts'
import { factsOfHypervisors, findHypervisorOfHost, servicesOfHosts } from '../store/host.ts'
import { findServer, findServers, findSpec, loadOfHosts, updateServer } from '../store/server.ts'
import { findGroup, membersOf } from '../store/server-group.ts'
import { admitsGroup, filterHosts, type HostState, type Wanted } from './host-filter.ts'
import { type Weighed, weighHosts } from './host-weight.ts'
import type { RecentChoices } from './recent-choice.ts'
import { subjectOf } from './server-load.ts'
import { readZones } from './zone.ts'

export type Destination = { host: string; node: string; providerId: string }

const noValidHost = (why: string) =>
  new CloudError('conflict', `No valid host was found. ${why}`, { type: 'NoValidHost' })

/** Asked again for the same server it gives the same host, unless that is excluded now. */
export async function selectDestination(
  app: Compute,
  trace: Trace,
  wish: { serverId: string; exclude: readonly string[] },
): Promise<Destination> {
  const server = await findServer(app.db, wish.serverId)
  const spec = await findSpec(app.db, wish.serverId)
  if (!server || !spec) throw noValidHost('The server is gone.')
  const journal = app.journal.as('nova-scheduler')
  const subject = subjectOf(server.id)
  const token = await app.schedulerPeers.serviceToken(trace)
  const before = await alreadyChosen(app, trace, token, server, wish.exclude)
  if (before) return before

  const resources = resourcesOf(server)
  for (let round = 0; round < mostRounds; round++) {
    const wanted = await wantedOf(app, server, spec, wish.exclude)
    const since = app.choices.mark()
    const few = asksForAnyHost(wanted) ? app.config.schedulerSample : undefined
    const of = { server, spec, wanted, resources }
    let hosts = await candidates(app, trace, token, of, few)
    let { left, results } = filterHosts(hosts, wanted)
    // None of the few that placement has picked will do: all are looked at.
    if (left.length === 0 && hosts.length === few) {
      hosts = await candidates(app, trace, token, of)
      ;({ left, results } = filterHosts(hosts, wanted))
    }
    const free = afterChoices(left, app.choices, since)
    const ranked = left.length > 0 ? weighHosts(free, wanted, app.config, app.world.random) : []
    tell(journal, trace, subject, hosts, results, ranked)
    if (ranked.length === 0) throw noValidHost('There are not enough hosts available.')
    const { host, node, providerId } = await claimFirst(app, trace, token, server, resources, wanted, ranked)
    const written = await journal.span(
      trace,
      { kind: 'db', name: 'server.host', subject, data: { host, node } },
      () => writeHost(app, server, spec.hints.group, { host, node }),
    )
    if (written) return { host, node, providerId }
    await app.schedulerPeers.placement.release(trace, token, server.id, subject)
  }
  throw noValidHost('Others of its group were placed at the same time, again and again.')
}

/** A wish that few hosts meet, or one alone, is not met by a few hosts picked at random. */
function asksForAnyHost(wanted: Wanted): boolean {
  const named = [wanted.forcedHost, wanted.forcedNode, wanted.requestedHost, wanted.requestedNode]
  return named.every((name) => name === null) && wanted.sameHost.length === 0 && wanted.group === null
}

/** Each round that is lost has placed another server of the group. */
const mostRounds = 10

/**
 * False where others of the group took their hosts since the filters ran, so that this one would break its policy. Of
 * two at once one is first: the transaction sees the other's host.
 */
function writeHost(
  app: Compute,
  server: Server,
  groupId: string | undefined,
  { host, node }: { host: string; node: string },
): Promise<boolean> {
  return app.db.transaction(async (tx) => {
    const group = await groupOf(tx, server.id, groupId)
    const members = group ? await findServers(tx, group.members) : []
    const neighbours = new Set(members.filter((each) => each.host === host).map((each) => each.id))
    if (!admitsGroup({ neighbours }, group)) return false
    await updateServer(tx, server.id, { host, node, generation: server.generation + 1 })
    return true
  })
}

async function alreadyChosen(
  app: Compute,
  trace: Trace,
  token: string,
  server: Server,
  exclude: readonly string[],
): Promise<Destination | undefined> {
  const { host, node } = server
  if (host === null || node === null || exclude.includes(host)) return undefined
  const { held } = await app.schedulerPeers.placement.allocations(trace, token, server.id)
  const known = await findHypervisorOfHost(app.db, host)
  if (!known || !held.some((each) => each.providerId === known.id)) return undefined
  return { host, node, providerId: known.id }
}

/** What placement is to claim. `resources:CLASS` among the extra specs lies over what the flavor's fields say. */
function resourcesOf(server: Server): Resources {
  const { flavor } = server
  const rootGb = server.imageId === null ? 0 : flavor.rootGb
  const resources: Resources = {
    VCPU: flavor.vcpus,
    MEMORY_MB: flavor.memoryMb,
    DISK_GB: rootGb + flavor.ephemeralGb + Math.ceil(flavor.swapMb / 1024),
  }
  for (const [key, value] of Object.entries(flavor.extraSpecs)) {
    const name = /^resources:([A-Z][A-Z0-9_]*)$/.exec(key)?.[1]
    if (name) resources[name] = Number(value)
  }
  return Object.fromEntries(Object.entries(resources).filter(([, amount]) => amount > 0))
}

/** 'HW_CPU_X86_AVX2' where it must be there, '!COMPUTE_X' where it must not. */
export function traitsOf(
  extraSpecs: Readonly<Record<string, string>>,
  properties: Readonly<Record<string, string>>,
): string[] {
  return [...Object.entries(extraSpecs), ...Object.entries(properties)].flatMap(([key, value]) => {
    const name = /^trait:([A-Z][A-Z0-9_]*)$/.exec(key)?.[1]
    if (!name) return []
    return value === 'forbidden' ? [`!${name}`] : value === 'required' ? [name] : []
  })
}

async function wantedOf(
  app: Compute,
  server: Server,
  spec: RequestedServer,
  exclude: readonly string[],
): Promise<Wanted> {
  const resources = resourcesOf(server)
  return {
    zone: server.availabilityZone,
    vcpus: resources.VCPU ?? 0,
    memoryMb: resources.MEMORY_MB ?? 0,
    diskGb: resources.DISK_GB ?? 0,
    extraSpecs: server.flavor.extraSpecs,
    image: spec.image,
    exclude,
    forcedHost: spec.forcedHost,
    forcedNode: spec.forcedNode,
    requestedHost: spec.requestedHost,
    requestedNode: spec.requestedNode,
    sameHost: spec.hints.sameHost ?? [],
    differentHost: spec.hints.differentHost ?? [],
    group: await groupOf(app.db, server.id, spec.hints.group),
  }
}

/** Members that have a host already; the server itself is not among them. */
async function groupOf(db: Db, serverId: string, groupId: string | undefined): Promise<Wanted['group']> {
  const group = groupId === undefined ? undefined : await findGroup(db, groupId)
  if (!group) return null
  const ids = (await membersOf(db, [group.id])).get(group.id)!.filter((id) => id !== serverId)
  const placed = (await findServers(db, ids)).filter((each) => each.host !== null)
  return {
    policy: group.policy,
    members: placed.map((each) => each.id),
    mostPerHost: group.rules.max_server_per_host ?? 1,
  }
}

async function candidates(
  app: Compute,
  trace: Trace,
  token: string,
  of: { server: Server; spec: RequestedServer; wanted: Wanted; resources: Resources },
  limit?: number,
): Promise<HostState[]> {
  const { db, config, world } = app
  const required = traitsOf(of.server.flavor.extraSpecs, of.spec.image?.properties ?? {})
  const found = await app.schedulerPeers.placement.candidates(
    trace,
    token,
    { resources: of.resources, required, limit },
    subjectOf(of.server.id),
  )
  const hypervisors = await factsOfHypervisors(
    db,
    found.map((each) => each.providerId),
  )
  const names = hypervisors.map((each) => each.host)
  const services = await servicesOfHosts(db, names)
  const loads = await loadOfHosts(db, names)
  const zones = await readZones(db, config)
  const neighbourIds = [
    ...of.wanted.sameHost,
    ...of.wanted.differentHost,
    ...(of.wanted.group?.members ?? []),
  ]
  const neighbours = neighbourIds.length === 0 ? [] : await findServers(db, neighbourIds)
  const byId = new Map(hypervisors.map((each) => [each.id, each]))
  const byHost = new Map(services.map((each) => [each.host, each]))
  return found.flatMap((candidate) => {
    const hypervisor = byId.get(candidate.providerId)
    const service = hypervisor && byHost.get(hypervisor.host)
    if (!hypervisor || !service) return []
    const free = (name: string) => {
      const one = candidate.resources[name]
      return one ? one.capacity - one.used : 0
    }
    const load = loads.get(hypervisor.host)
    return {
      host: hypervisor.host,
      node: hypervisor.node,
      providerId: hypervisor.id,
      zone: zones.ofHost(hypervisor.host),
      up: isUp(service, world.clock.now(), config.serviceDownTime),
      enabled: !service.disabled,
      hypervisorType: hypervisor.type,
      hypervisorVersion: hypervisor.version,
      architecture: hypervisor.architecture,
      aggregates: zones.aggregates
        .filter((each) => each.hosts.includes(hypervisor.host))
        .map((each) => each.metadata),
      freeVcpus: free('VCPU'),
      freeMemoryMb: free('MEMORY_MB'),
      freeDiskGb: free('DISK_GB'),
      servers: load?.servers ?? 0,
      building: load?.building ?? 0,
      neighbours: new Set(neighbours.filter((each) => each.host === hypervisor.host).map((each) => each.id)),
    }
  })
}

/** As those see the hosts who are placed one after the other. */
function afterChoices(hosts: readonly HostState[], choices: RecentChoices, since: number): HostState[] {
  const loads = choices.since(since)
  return hosts.map((each) => {
    const load = loads.get(each.host)
    if (!load) return each
    return {
      ...each,
      freeVcpus: each.freeVcpus - load.vcpus,
      freeMemoryMb: each.freeMemoryMb - load.memoryMb,
      freeDiskGb: each.freeDiskGb - load.diskGb,
      servers: each.servers + load.servers,
      building: each.building + load.servers,
    }
  })
}

/** Another server may have taken the last of the best host meanwhile: then the next best. */
async function claimFirst(
  app: Compute,
  trace: Trace,
  token: string,
  server: Server,
  resources: Resources,
  { vcpus, memoryMb, diskGb }: Wanted,
  ranked: readonly Weighed[],
): Promise<HostState> {
  for (const { host } of ranked) {
    app.choices.chosen(host.host, { vcpus, memoryMb, diskGb })
    try {
      await app.schedulerPeers.placement.claim(
        trace,
        token,
        server.id,
        { providerId: host.providerId, resources, projectId: server.projectId, userId: server.userId },
        subjectOf(server.id),
      )
      return host
    } catch (error) {
      if (!(error instanceof CloudError) || error.kind !== 'conflict') throw error
    }
  }
  throw noValidHost('There are not enough hosts available.')
}

/** A cloud of many hosts must not make a journal of many megabytes. */
const mostTold = 20

function tell(
  journal: Journal,
  trace: Trace,
  subject: string,
  hosts: readonly HostState[],
  results: readonly { name: string; hosts: string[] }[],
  ranked: readonly Weighed[],
): void {
  journal.record(trace, {
    kind: 'decision',
    name: 'scheduler.filter',
    subject,
    outcome: ranked.length > 0 ? 'ok' : 'error',
    data: {
      candidates: hosts.length,
      filters: results.map((each) => ({
        name: each.name,
        left: each.hosts.length,
        hosts: each.hosts.slice(0, mostTold),
      })),
      weights: ranked
        .slice(0, mostTold)
        .map((each) => ({ host: each.host.host, weight: each.weight, parts: each.parts })),
      chosen: ranked[0]?.host.host ?? null,
    },
  })
}
