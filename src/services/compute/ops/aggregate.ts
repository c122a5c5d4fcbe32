// What may be done with aggregates, and the zones that come of them.
import { isUniqueViolation } from '#kit/db/connection.ts'
import type { Transaction } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { ComputeContext } from '../app.ts'
import { type Aggregate, aggregateRules, isZoneName } from '../resources/aggregate.ts'
import { isUp } from '../resources/service.ts'
import * as store from '../store/aggregate.ts'
import { findService, listServices } from '../store/host.ts'
import { serversOfHost } from '../store/server.ts'
import { zonesOf } from './zone.ts'

const noAggregate = (id: string) => new CloudError('notFound', `Aggregate ${id} could not be found.`)

function numberOf(id: string): number {
  if (!/^-?\d{1,9}$/.test(id))
    throw new CloudError('badRequest', `Invalid input for field/attribute id. Value: ${id}.`)
  return Number(id)
}

export async function listAggregates(context: ComputeContext): Promise<Aggregate[]> {
  context.authorize(aggregateRules.list, {})
  return store.listAggregates(context.app.db)
}

export async function showAggregate(context: ComputeContext, id: string): Promise<Aggregate> {
  context.authorize(aggregateRules.show, {})
  const found = await store.findAggregate(context.app.db, numberOf(id))
  if (!found) throw noAggregate(id)
  return found
}

export async function createAggregate(
  context: ComputeContext,
  wish: { name: string; availabilityZone?: string | null },
): Promise<Aggregate> {
  context.authorize(aggregateRules.create, {})
  const { app } = context
  const row = {
    id: app.world.random.uuid(),
    name: wish.name,
    hosts: [],
    metadata: wish.availabilityZone
      ? { availability_zone: wish.availabilityZone }
      : ({} as Record<string, string>),
    createdAt: app.world.clock.now(),
    updatedAt: null,
  }
  try {
    return { ...row, number: await store.insertAggregate(app.db, row) }
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new CloudError('conflict', `Aggregate ${wish.name} already exists.`, { cause: error })
  }
}

/** Reads, changes and writes in one transaction; `next` gives the change or throws. */
async function change(
  context: ComputeContext,
  id: string,
  rule: PolicyRule,
  next: (now: Aggregate, tx: Transaction) => Promise<Partial<Aggregate>>,
): Promise<Aggregate> {
  context.authorize(rule, {})
  const { app } = context
  try {
    return await app.db.transaction(async (tx) => {
      const now = await store.findAggregate(tx, numberOf(id))
      if (!now) throw noAggregate(id)
      const changed = { ...(await next(now, tx)), updatedAt: app.world.clock.now() }
      await store.updateAggregate(tx, now.number, changed)
      return { ...now, ...changed }
    })
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    throw new CloudError('conflict', 'Another aggregate has this name already.', { cause: error })
  }
}

export function updateAggregate(
  context: ComputeContext,
  id: string,
  wish: { name?: string; availabilityZone?: string | null },
): Promise<Aggregate> {
  return change(context, id, aggregateRules.update, async (now, tx) => {
    if (wish.availabilityZone === undefined) return { name: wish.name ?? now.name }
    const { availability_zone: _, ...rest } = now.metadata
    const metadata =
      wish.availabilityZone === null ? rest : { ...rest, availability_zone: wish.availabilityZone }
    await requireZone(context, tx, now, now.hosts, wish.availabilityZone)
    return { name: wish.name ?? now.name, metadata }
  })
}

export function setMetadata(
  context: ComputeContext,
  id: string,
  wish: Record<string, string | null>,
): Promise<Aggregate> {
  return change(context, id, aggregateRules.setMetadata, async (now, tx) => {
    const merged = Object.entries({ ...now.metadata, ...wish }).filter(([, value]) => value !== null)
    if ('availability_zone' in wish) {
      const zone = wish.availability_zone ?? null
      if (zone !== null && !isZoneName(zone))
        throw new CloudError(
          'badRequest',
          `Invalid input for field/attribute availability_zone. Value: ${zone}.`,
        )
      await requireZone(context, tx, now, now.hosts, zone)
    }
    return { metadata: Object.fromEntries(merged) as Record<string, string> }
  })
}

export async function addHost(context: ComputeContext, id: string, host: string): Promise<Aggregate> {
  const changed = await change(context, id, aggregateRules.addHost, async (now, tx) => {
    if (!(await findService(tx, host, 'nova-compute')))
      throw new CloudError('notFound', `Compute host ${host} could not be found.`)
    if (now.hosts.includes(host))
      throw new CloudError('conflict', `Aggregate ${id} already has host ${host}.`)
    const zone = now.metadata.availability_zone
    if (zone) await requireZone(context, tx, now, [host], zone)
    return { hosts: [...now.hosts, host] }
  })
  context.app.nudgeProviders()
  return changed
}

export async function removeHost(context: ComputeContext, id: string, host: string): Promise<Aggregate> {
  const changed = await change(context, id, aggregateRules.removeHost, async (now, tx) => {
    if (!now.hosts.includes(host)) throw new CloudError('notFound', `Aggregate ${id} has no host ${host}.`)
    if (now.metadata.availability_zone) await requireStay(context, tx, now, [host])
    return { hosts: now.hosts.filter((each) => each !== host) }
  })
  context.app.nudgeProviders()
  return changed
}

/**
 * A host has one zone at most, and servers stay in the zone that they were made for: a host that holds some keeps its
 * zone. Null takes the zone away from the aggregate.
 */
async function requireZone(
  context: ComputeContext,
  tx: Transaction,
  now: Aggregate,
  hosts: readonly string[],
  zone: string | null,
): Promise<void> {
  const others = (await store.listAggregates(tx)).filter((each) => each.number !== now.number)
  const taken = others.find((each) => {
    const theirs = each.metadata.availability_zone
    return zone !== null && theirs && theirs !== zone && each.hosts.some((host) => hosts.includes(host))
  })
  if (taken)
    throw new CloudError(
      'conflict',
      `Cannot use aggregate ${now.number} for zone ${zone}. Reason: One or more hosts already in availability zone(s) ['${taken.metadata.availability_zone}'].`,
    )
  const metadata: Record<string, string> = zone === null ? {} : { availability_zone: zone }
  await requireKeptZones(context, tx, now, hosts, [...others, { ...now, hosts: [...hosts], metadata }])
}

/** As above, for hosts that leave the aggregate. */
async function requireStay(
  context: ComputeContext,
  tx: Transaction,
  now: Aggregate,
  hosts: readonly string[],
): Promise<void> {
  const others = (await store.listAggregates(tx)).filter((each) => each.number !== now.number)
  await requireKeptZones(context, tx, now, hosts, others)
}

async function requireKeptZones(
  context: ComputeContext,
  tx: Transaction,
  now: Aggregate,
  hosts: readonly string[],
  next: readonly Aggregate[],
): Promise<void> {
  const { defaultAvailabilityZone } = context.app.config
  const before = zonesOf(await store.listAggregates(tx), defaultAvailabilityZone)
  const after = zonesOf(next, defaultAvailabilityZone)
  for (const host of hosts) {
    if (before.ofHost(host) === after.ofHost(host)) continue
    if ((await serversOfHost(tx, host)).length > 0)
      throw new CloudError(
        'conflict',
        `Cannot change the zone of host ${host} through aggregate ${now.number}. Reason: One or more hosts contain instances in this zone.`,
      )
  }
}

export async function deleteAggregate(context: ComputeContext, id: string): Promise<void> {
  context.authorize(aggregateRules.delete, {})
  await context.app.db.transaction(async (tx) => {
    const found = await store.findAggregate(tx, numberOf(id))
    if (!found) throw noAggregate(id)
    if (found.hosts.length > 0)
      throw new CloudError(
        'badRequest',
        `Cannot remove host from aggregate ${id}. Reason: Host aggregate is not empty.`,
      )
    await store.deleteAggregate(tx, found.number)
  })
}

type ShownZone = {
  zoneName: string
  zoneState: { available: boolean }
  hosts: Record<
    string,
    Record<string, { active: boolean; available: boolean; updated_at: string | null }>
  > | null
}

/** Zones with a host that is enabled are available; those of disabled ones alone are shown as not. */
export async function listZones(context: ComputeContext, detail: boolean): Promise<ShownZone[]> {
  context.authorize(detail ? aggregateRules.zonesDetail : aggregateRules.zones, {})
  const { db, config, world } = context.app
  const zones = zonesOf(await store.listAggregates(db), config.defaultAvailabilityZone)
  const byZone = new Map<string, ShownZone>()
  for (const each of await listServices(db)) {
    const isCompute = each.binary === 'nova-compute'
    // The zone of our own roles is for operators.
    if (!isCompute && !detail) continue
    const zoneName = isCompute ? zones.ofHost(each.host) : config.internalAvailabilityZone
    let zone = byZone.get(zoneName)
    if (!zone) {
      zone = { zoneName, zoneState: { available: false }, hosts: detail ? {} : null }
      byZone.set(zoneName, zone)
    }
    if (!each.disabled) zone.zoneState.available = true
    if (!zone.hosts) continue
    zone.hosts[each.host] ??= {}
    zone.hosts[each.host]![each.binary] = {
      active: !each.disabled,
      available: isUp(each, world.clock.now(), config.serviceDownTime),
      updated_at: new Date(each.seenAt).toISOString().replace(/\.(\d{3})Z$/, '.$1000'),
    }
  }
  return [...byZone.values()].sort((a, b) => Number(b.zoneState.available) - Number(a.zoneState.available))
}
