// The services of compute: heart-beats of our own roles, and what operators see and do.
import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { World } from '#kit/world/world.ts'
import type { ComputeContext } from '../app.ts'
import { type Binary, isUp, type Service, type ShownService, serviceRules } from '../resources/service.ts'
import { listAggregates, updateAggregate } from '../store/aggregate.ts'
import * as store from '../store/host.ts'
import { loadOfHosts } from '../store/server.ts'
import { readZones, type Zones } from './zone.ts'

/** Seen now; made where it is new. */
export async function reportService(world: World, db: Db, host: string, binary: Binary): Promise<void> {
  const now = world.clock.now()
  if ((await store.markSeen(db, host, binary, now)) > 0) return
  await store.insertService(db, {
    id: world.random.uuid(),
    host,
    binary,
    disabled: false,
    disabledReason: null,
    forcedDown: false,
    seenAt: now,
    updatedAt: now,
    createdAt: now,
  })
}

export function shownService(context: ComputeContext, service: Service, zones: Zones): ShownService {
  const { config, world } = context.app
  return {
    ...service,
    zone: service.binary === 'nova-compute' ? zones.ofHost(service.host) : config.internalAvailabilityZone,
    up: isUp(service, world.clock.now(), config.serviceDownTime),
  }
}

export async function listServices(context: ComputeContext, query: Query): Promise<ShownService[]> {
  context.authorize(serviceRules.list, {})
  const zones = await readZones(context.app.db, context.app.config)
  const host = query.get('host')
  const binary = query.get('binary')
  const services = (await store.listServices(context.app.db)).filter(
    (each) => (host === undefined || each.host === host) && (binary === undefined || each.binary === binary),
  )
  return services.map((each) => shownService(context, each, zones))
}

export type ServiceChange = { disabled?: boolean; reason?: string; forcedDown?: boolean }

async function change(context: ComputeContext, service: Service, wish: ServiceChange): Promise<ShownService> {
  const { app } = context
  const next = {
    updatedAt: app.world.clock.now(),
    ...(wish.disabled !== undefined && {
      disabled: wish.disabled,
      disabledReason: wish.disabled ? (wish.reason ?? null) : null,
    }),
    ...(wish.forcedDown !== undefined && { forcedDown: wish.forcedDown }),
  }
  await store.updateService(app.db, service.number, next)
  return shownService(context, { ...service, ...next }, await readZones(app.db, app.config))
}

/** Until 2.52 a service is named by its host and binary. */
export async function changeNamed(
  context: ComputeContext,
  named: { host: string; binary: string },
  wish: ServiceChange,
): Promise<ShownService> {
  context.authorize(serviceRules.update, {})
  const service = await store.findService(context.app.db, named.host, named.binary)
  if (!service)
    throw new CloudError('notFound', `Could not find binary ${named.binary} on host ${named.host}.`)
  return change(context, service, wish)
}

async function load(context: ComputeContext, id: string): Promise<Service> {
  const { db } = context.app
  const service =
    (context.version ?? 2093) >= 2053
      ? await store.findServiceById(db, id)
      : /^\d{1,9}$/.test(id)
        ? await store.findServiceByNumber(db, Number(id))
        : undefined
  if (!service) throw new CloudError('notFound', `Service ${id} not found.`)
  return service
}

export async function changeService(
  context: ComputeContext,
  id: string,
  wish: ServiceChange,
): Promise<ShownService> {
  context.authorize(serviceRules.update, {})
  if (wish.disabled === undefined && wish.forcedDown === undefined)
    throw new CloudError(
      'badRequest',
      'No updates were requested. Fields status or forced_down should be specified.',
    )
  if (wish.reason !== undefined && wish.disabled !== true)
    throw new CloudError('badRequest', 'Specifying disabled_reason requires that status is "disabled".')
  return change(context, await load(context, id), wish)
}

/** A host with servers keeps its service; one without leaves its aggregates and its hypervisor with it. */
export async function deleteService(context: ComputeContext, id: string): Promise<void> {
  const { app } = context
  context.authorize(serviceRules.delete, {})
  const service = await load(context, id)
  if (service.binary === 'nova-compute' && (await loadOfHosts(app.db)).has(service.host))
    throw new CloudError(
      'conflict',
      `Unable to delete compute service that is hosting instances. Migrate or delete the instances first.`,
    )
  const token = service.binary === 'nova-compute' ? await app.api.serviceToken(context.trace) : ''
  const hypervisor = await store.findHypervisorOfHost(app.db, service.host)
  await app.db.transaction(async (tx) => {
    await store.deleteService(tx, service.number)
    if (service.binary !== 'nova-compute') return
    await store.deleteHypervisorOfHost(tx, service.host)
    for (const each of await listAggregates(tx)) {
      if (each.hosts.includes(service.host))
        await updateAggregate(tx, each.number, { hosts: each.hosts.filter((host) => host !== service.host) })
    }
  })
  if (hypervisor && token) await app.api.placement.deleteProvider(context.trace, token, hypervisor.id)
}
