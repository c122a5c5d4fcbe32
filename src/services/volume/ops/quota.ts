// What may be had: a project's limits over the defaults, those of each volume type among them, and the check when
// volumes are made or grow.
import type { Db, Transaction } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { VolumeContext } from '../app.ts'
import type { VolumeConfig } from '../config.ts'
import { configured, perType, quotaRules } from '../resources/quota.ts'
import { readWhole } from '../resources/schema.ts'
import type { VolumeType } from '../resources/volume-type.ts'
import * as store from '../store/quota.ts'
import { type Used, usedByType } from '../store/volume.ts'
import { allTypes } from '../store/volume-type.ts'

export type Limits = Record<string, number>

function configuredLimits(config: VolumeConfig, types: readonly VolumeType[]): Limits {
  const limits: Limits = {}
  for (const [name, option] of Object.entries(configured)) limits[name] = config[option]
  for (const type of types) for (const kind of perType) limits[`${kind}_${type.name}`] = -1
  return limits
}

/** Rows of types that were deleted are passed over. */
function layOver(limits: Limits, rows: readonly { resource: string; limit: number }[]): Limits {
  for (const row of rows) if (row.resource in limits) limits[row.resource] = row.limit
  return limits
}

export async function classLimits(db: Db, config: VolumeConfig, className: string): Promise<Limits> {
  return layOver(configuredLimits(config, await allTypes(db)), await store.findClass(db, className))
}

export const defaultLimits = (db: Db, config: VolumeConfig) => classLimits(db, config, 'default')

export async function limitsOf(db: Db, config: VolumeConfig, projectId: string): Promise<Limits> {
  return layOver(await defaultLimits(db, config), await store.findQuotas(db, projectId))
}

/** By the same names as the limits; what does not exist here is used by nobody. */
export async function usedOf(db: Db, projectId: string): Promise<Limits> {
  const byType = await usedByType(db, projectId)
  const used: Limits = { volumes: 0, gigabytes: 0 }
  for (const each of byType.values()) {
    used.volumes! += each.volumes
    used.gigabytes! += each.gigabytes
  }
  for (const type of await allTypes(db)) {
    const of: Used = byType.get(type.id) ?? { volumes: 0, gigabytes: 0 }
    used[`volumes_${type.name}`] = of.volumes
    used[`gigabytes_${type.name}`] = of.gigabytes
  }
  return used
}

const overLimit = (message: string) =>
  new CloudError('tooLarge', message, { headers: { 'retry-after': '0' }, body: { retryAfter: '0' } })

/** In the transaction that makes or grows the volume, so that two at once can't both take the last place. */
export async function checkQuota(
  tx: Transaction,
  config: VolumeConfig,
  projectId: string,
  wanted: { volumes: 0 | 1; gigabytes: number; size: number; type: string },
): Promise<void> {
  const limits = await limitsOf(tx, config, projectId)
  const used = await usedOf(tx, projectId)
  const { size, type } = wanted
  const perVolume = limits.per_volume_gigabytes ?? -1
  if (perVolume >= 0 && size > perVolume)
    throw overLimit(
      `VolumeSizeExceedsLimit: Requested volume size ${size}G is larger than maximum allowed limit ${perVolume}G.`,
    )
  for (const name of ['gigabytes', `gigabytes_${type}`]) {
    const limit = limits[name] ?? -1
    if (limit >= 0 && (used[name] ?? 0) + wanted.gigabytes > limit)
      throw overLimit(
        `VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed ${name} quota. ` +
          `Requested ${wanted.gigabytes}G, quota is ${limit}G and ${used[name] ?? 0}G has been consumed.`,
      )
  }
  if (wanted.volumes === 0) return
  for (const name of ['volumes', `volumes_${type}`]) {
    const limit = limits[name] ?? -1
    if (limit >= 0 && (used[name] ?? 0) + 1 > limit)
      throw overLimit(
        `VolumeLimitExceeded: Maximum number of volumes allowed (${limit}) exceeded for quota '${name}'.`,
      )
  }
}

export async function showQuotas(context: VolumeContext, projectId: string): Promise<Limits> {
  context.authorize(quotaRules.show, { project_id: projectId })
  return limitsOf(context.app.db, context.app.config, projectId)
}

export async function showDefaults(context: VolumeContext, projectId: string): Promise<Limits> {
  context.authorize(quotaRules.show, { project_id: projectId })
  return defaultLimits(context.app.db, context.app.config)
}

export type Usage = { limit: number; in_use: number; reserved: number }

export async function showUsage(context: VolumeContext, projectId: string): Promise<Record<string, Usage>> {
  const limits = await showQuotas(context, projectId)
  const used = await usedOf(context.app.db, projectId)
  return Object.fromEntries(
    Object.entries(limits).map(([name, limit]) => [name, { limit, in_use: used[name] ?? 0, reserved: 0 }]),
  )
}

export async function updateQuotas(
  context: VolumeContext,
  projectId: string,
  wish: Record<string, number | string>,
): Promise<Limits> {
  context.authorize(quotaRules.update, { project_id: projectId })
  const { db, config } = context.app
  return db.transaction(async (tx) => {
    const known = await limitsOf(tx, config, projectId)
    for (const [name, limit] of readLimits(known, wish)) await store.setQuota(tx, projectId, name, limit)
    return limitsOf(tx, config, projectId)
  })
}

export async function resetQuotas(context: VolumeContext, projectId: string): Promise<void> {
  context.authorize(quotaRules.delete, { project_id: projectId })
  await store.deleteQuotas(context.app.db, projectId)
}

export async function updateClass(
  context: VolumeContext,
  className: string,
  wish: Record<string, number | string>,
): Promise<Limits> {
  const { db, config } = context.app
  return db.transaction(async (tx) => {
    const known = await classLimits(tx, config, className)
    for (const [name, limit] of readLimits(known, wish)) await store.setClass(tx, className, name, limit)
    return classLimits(tx, config, className)
  })
}

function readLimits(known: Limits, wish: Record<string, number | string>): [string, number][] {
  const unknown = Object.keys(wish).filter((name) => !(name in known))
  if (unknown.length > 0) throw new CloudError('badRequest', `Bad key(s) in quota set: ${unknown.join(', ')}`)
  return Object.entries(wish).map(([name, value]) => [name, readWhole(value, name, -1)])
}

/** What a client shows as a project's limits and how much of them is used. */
export async function absoluteLimits(
  context: VolumeContext,
  projectId: string,
): Promise<Record<string, number>> {
  context.authorize(quotaRules.limits, { project_id: projectId })
  const { db, config } = context.app
  const limits = await limitsOf(db, config, projectId)
  const used = await usedOf(db, projectId)
  return {
    totalSnapshotsUsed: 0,
    maxTotalBackups: limits.backups!,
    maxTotalVolumeGigabytes: limits.gigabytes!,
    maxTotalSnapshots: limits.snapshots!,
    maxTotalBackupGigabytes: limits.backup_gigabytes!,
    totalBackupGigabytesUsed: 0,
    maxTotalVolumes: limits.volumes!,
    totalVolumesUsed: used.volumes!,
    totalBackupsUsed: 0,
    totalGigabytesUsed: used.gigabytes!,
  }
}
