// Virtual hosts and their limits: every change of them.
import type { JsonValue } from '../core/json.ts'
import { invalid, notFound, pairTerms, term } from './refusal.ts'
import type { Registry, VhostLimit, VhostSettings } from './registry.ts'

export type VhostChange = Partial<
  Pick<VhostSettings, 'description' | 'tags' | 'defaultQueueType' | 'tracing'>
>

/** True where it is new. */
export function putVhost(registry: Registry, name: string, change: VhostChange): boolean {
  const known = registry.vhostSettings.get(name)
  const settings: VhostSettings = known ?? {
    description: name === '/' ? 'Default virtual host' : '',
    tags: [],
    defaultQueueType: undefined,
    tracing: false,
    limits: new Map(),
  }
  Object.assign(settings, change)
  registry.vhostSettings.set(name, settings)
  if (!known) registry.vhosts.set(name, registry.host.openVhost(name))
  registry.vhosts.get(name)!.defaultQueueType = settings.defaultQueueType
  registry.changed()
  return known === undefined
}

/** With all that is in it and all rights in it. */
export function deleteVhost(registry: Registry, name: string): void {
  const vhost = registry.vhosts.get(name)
  if (!vhost) throw notFound()
  registry.vhosts.delete(name)
  registry.vhostSettings.delete(name)
  for (const user of registry.users.values()) {
    user.permissions.delete(name)
    user.topicPermissions.delete(name)
  }
  registry.changed()
  registry.host.vhostDeleted(name)
  vhost.deleteAll()
}

export function vhostSettings(registry: Registry, name: string): VhostSettings {
  const settings = registry.vhostSettings.get(name)
  if (!settings) throw notFound('vhost_not_found')
  return settings
}

/** All at once, as the parameter has them. */
export function setVhostLimits(registry: Registry, name: string, limits: Record<string, JsonValue>): void {
  const settings = vhostSettings(registry, name)
  const unknown = Object.entries(limits).filter(([limit]) => !isVhostLimit(limit))
  const problems = Object.entries(limits)
    .filter(([limit, value]) => isVhostLimit(limit) && !Number.isInteger(value))
    .map(([limit, value]) => `${limit} should be a number, actually was ${term(value)}`)
  if (unknown.length > 0) problems.push(`Unrecognised terms ${pairTerms(unknown)} in limits`)
  if (problems.length > 0) throw invalid(problems)
  settings.limits.clear()
  for (const [limit, value] of Object.entries(limits))
    settings.limits.set(limit as VhostLimit, value as number)
  applyLimits(registry, name)
  registry.changed()
}

export function setVhostLimit(registry: Registry, name: string, limit: string, value: JsonValue): void {
  const { limits } = vhostSettings(registry, name)
  setVhostLimits(registry, name, { ...Object.fromEntries(limits), [limit]: value })
}

export function clearVhostLimit(registry: Registry, name: string, limit?: string): void {
  const { limits } = vhostSettings(registry, name)
  if (limit === undefined) limits.clear()
  else limits.delete(limit as VhostLimit)
  applyLimits(registry, name)
  registry.changed()
}

/** Infinity where there is none. */
export function vhostLimit(registry: Registry, name: string, limit: VhostLimit): number {
  const value = registry.vhostSettings.get(name)?.limits.get(limit) ?? -1
  return value < 0 ? Number.POSITIVE_INFINITY : value
}

function applyLimits(registry: Registry, name: string): void {
  registry.vhosts.get(name)!.maxQueues = vhostLimit(registry, name, 'max-queues')
}

function isVhostLimit(name: string): name is VhostLimit {
  return name === 'max-connections' || name === 'max-queues'
}
