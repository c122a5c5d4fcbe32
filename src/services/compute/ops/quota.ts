// What may be had: limits by user, project, class and configuration, in this order, and the check when servers are made.
import type { Db, Transaction } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ComputeContext } from '../app.ts'
import type { ComputeConfig } from '../config.ts'
import { configuredLimit, type Limited, limitNames, quotaRules } from '../resources/quota.ts'
import { readBool, readWhole } from '../resources/schema.ts'
import { countKeypairs } from '../store/keypair.ts'
import * as store from '../store/quota.ts'
import * as groups from '../store/server-group.ts'

export type Limits = Record<Limited, number>
type Owner = { projectId: string; userId?: string }

export async function defaultLimits(db: Db, config: ComputeConfig): Promise<Limits> {
  return limitsOfClass(db, config, 'default')
}

async function limitsOfClass(db: Db, config: ComputeConfig, className: string): Promise<Limits> {
  const limits = Object.fromEntries(limitNames.map((name) => [name, configuredLimit(config, name)])) as Limits
  for (const row of await store.findClass(db, className)) limits[row.resource as Limited] = row.limit
  return limits
}

/** A user's own limits lie over those of the project. */
export async function limitsOf(db: Db, config: ComputeConfig, owner: Owner): Promise<Limits> {
  const limits = await defaultLimits(db, config)
  const rows = await store.findQuotas(
    db,
    owner.projectId,
    owner.userId === undefined ? [''] : ['', owner.userId],
  )
  for (const row of rows.sort((a, b) => a.userId.length - b.userId.length))
    limits[row.resource as Limited] = row.limit
  return limits
}

export async function limitOf(db: Db, config: ComputeConfig, owner: Owner, name: Limited): Promise<number> {
  return (await limitsOf(db, config, owner))[name]
}

const counted = ['instances', 'cores', 'ram'] as const
const nothing: store.Used = { instances: 0, cores: 0, ram: 0 }

/** In the transaction that makes the servers, so that two at once can't both take the last place. */
export async function checkServerQuota(
  tx: Transaction,
  config: ComputeConfig,
  owner: Required<Owner>,
  wanted: store.Used,
): Promise<void> {
  const project = await limitsOf(tx, config, { projectId: owner.projectId })
  const user = await limitsOf(tx, config, owner)
  const ofUser = (name: keyof store.Used) => user[name] >= 0 && user[name] !== project[name]
  // All servers of a project are added up for limits that are there, and for no others.
  const used = counted.some((name) => project[name] >= 0)
    ? await store.usedBy(tx, owner.projectId, undefined)
    : nothing
  const usedByUser = counted.some(ofUser) ? await store.usedBy(tx, owner.projectId, owner.userId) : nothing
  const over = counted.flatMap((name) => {
    if (project[name] >= 0 && used[name] + wanted[name] > project[name])
      return { name, used: used[name], limit: project[name] }
    if (ofUser(name) && usedByUser[name] + wanted[name] > user[name])
      return { name, used: usedByUser[name], limit: user[name] }
    return []
  })
  if (over.length === 0) return
  const list = (of: (each: (typeof over)[number]) => number | string) => over.map(of).join(', ')
  throw new CloudError(
    'forbidden',
    `Quota exceeded for ${list(({ name }) => name)}: Requested ${list(({ name }) => wanted[name])}, ` +
      `but already used ${list((each) => each.used)} of ${list(({ limit }) => limit)} ${list(({ name }) => name)}`,
  )
}

export async function checkMetadataQuota(
  db: Db,
  config: ComputeConfig,
  owner: Owner,
  metadata: Record<string, string>,
): Promise<void> {
  const most = await limitOf(db, config, owner, 'metadata_items')
  if (most >= 0 && Object.keys(metadata).length > most)
    throw new CloudError('forbidden', `Maximum number of metadata items exceeds ${most}`)
}

export async function checkFileQuota(
  db: Db,
  config: ComputeConfig,
  owner: Owner,
  files: readonly { path: string; contents: string }[],
): Promise<void> {
  const limits = await limitsOf(db, config, owner)
  const beyond = (name: Limited, value: number) => limits[name] >= 0 && value > limits[name]
  if (beyond('injected_files', files.length))
    throw new CloudError('forbidden', 'Personality file limit exceeded')
  for (const file of files) {
    if (beyond('injected_file_path_bytes', Buffer.byteLength(file.path)))
      throw new CloudError('forbidden', 'Personality file path exceeds maximum length')
    if (beyond('injected_file_content_bytes', Buffer.from(file.contents, 'base64').length))
      throw new CloudError('forbidden', 'Personality file content exceeds maximum size')
  }
}

export async function quotaSet(context: ComputeContext, projectId: string, userId: string | undefined) {
  context.authorize(quotaRules.show, { project_id: projectId })
  return limitsOf(context.app.db, context.app.config, { projectId, userId })
}

export type Detail = { limit: number; in_use: number; reserved: number }

export async function quotaDetail(
  context: ComputeContext,
  projectId: string,
  userId: string | undefined,
): Promise<Record<Limited, Detail>> {
  context.authorize(quotaRules.detail, { project_id: projectId })
  return detailOf(context, projectId, userId)
}

/** What a project may have and has, for whoever was let in by a rule of limits. */
export async function limitsWithUse(
  context: ComputeContext,
  asked: string | undefined,
): Promise<Record<Limited, Detail>> {
  const own = context.caller.projectId ?? ''
  const projectId = asked ?? own
  context.authorize(quotaRules.limits, { project_id: projectId })
  if (projectId !== own) context.authorize(quotaRules.limitsOther, { project_id: projectId })
  return detailOf(context, projectId, undefined)
}

async function detailOf(context: ComputeContext, projectId: string, userId: string | undefined) {
  const { db, config } = context.app
  const limits = await limitsOf(db, config, { projectId, userId })
  const used: Partial<Limits> = {
    ...(await store.usedBy(db, projectId, userId)),
    server_groups: await groups.countGroups(db, projectId, userId),
    // Key pairs belong to users, not to projects: a project's detail says 0, as Nova's does.
    key_pairs: userId === undefined ? 0 : await countKeypairs(db, userId),
  }
  const entries = limitNames.map((name) => [
    name,
    { limit: limits[name], in_use: used[name] ?? 0, reserved: 0 },
  ])
  return Object.fromEntries(entries) as Record<Limited, Detail>
}

type QuotaWish = Record<string, unknown> & { force?: boolean | string }

export async function updateQuotas(
  context: ComputeContext,
  projectId: string,
  userId: string | undefined,
  wish: QuotaWish,
): Promise<Limits> {
  context.authorize(quotaRules.update, { project_id: projectId })
  const { db, config } = context.app
  await db.transaction(async (tx) => {
    const project = await limitsOf(tx, config, { projectId })
    const used = await store.usedBy(tx, projectId, userId)
    for (const name of limitNames) {
      const given = wish[toCamel(name)]
      if (given === undefined) continue
      const limit = readWhole(given as number | string, name, { min: -1 })
      if (userId !== undefined && project[name] >= 0 && (limit < 0 || limit > project[name]))
        throw new CloudError(
          'badRequest',
          `Quota limit ${limit} for ${name} must be less than or equal to ${project[name]}.`,
        )
      const inUse = name in used ? used[name as keyof store.Used] : 0
      if (!readBool(wish.force) && limit >= 0 && inUse > limit)
        throw new CloudError(
          'badRequest',
          `Quota limit ${limit} for ${name} must be greater than or equal to already used and reserved ${inUse}.`,
        )
      await store.setQuota(tx, projectId, userId ?? '', name, limit)
    }
  })
  return limitsOf(db, config, { projectId, userId })
}

export async function resetQuotas(context: ComputeContext, projectId: string, userId: string | undefined) {
  context.authorize(quotaRules.delete, { project_id: projectId })
  await context.app.db.transaction((tx) => store.deleteQuotas(tx, projectId, userId))
}

export async function updateClass(context: ComputeContext, className: string, wish: Record<string, unknown>) {
  const { db, config } = context.app
  await db.transaction(async (tx) => {
    for (const name of limitNames) {
      const given = wish[toCamel(name)]
      if (given !== undefined)
        await store.setClass(tx, className, name, readWhole(given as number | string, name, { min: -1 }))
    }
  })
  return classLimits(db, config, className)
}

export async function classLimits(db: Db, config: ComputeConfig, className: string): Promise<Limits> {
  return limitsOfClass(db, config, className)
}

function toCamel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
