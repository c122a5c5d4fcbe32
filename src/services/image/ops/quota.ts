// What a project may have of images: by identity's limits where those are asked for, and by image's own options.
import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ImageContext } from '../app.ts'
import * as store from '../store/quota.ts'
import { type ProjectLimits, type QuotaName, quotaNames } from './limit.ts'

const mib = 2 ** 20
const gib = 2 ** 30

/** Nothing is limited for a caller without a project: there is nobody whose usage it would be. */
export async function limitsOf(context: ImageContext): Promise<ProjectLimits> {
  const { app, caller, trace } = context
  if (!app.limitsOf || caller.projectId === undefined) return {}
  return app.limitsOf(trace, caller.projectId)
}

/** Sizes in MiB, rounded down as Glance does. */
const usageOf: Record<QuotaName, (db: Db, projectId: string) => Promise<number>> = {
  image_size_total: async (db, owner) => Math.floor((await store.storedBytes(db, owner)) / mib),
  image_stage_total: async (db, owner) => Math.floor((await store.stagedBytes(db, owner)) / mib),
  image_count_total: store.countImages,
  image_count_uploading: store.countUploading,
}

/** Of those that identity limits; -1 is no limit. */
export async function listUsage(
  context: ImageContext,
): Promise<Partial<Record<QuotaName, { limit: number; usage: number }>>> {
  const { app, caller } = context
  if (!app.limitsOf || caller.projectId === undefined) return {}
  const limits = await limitsOf(context)
  const usage: Partial<Record<QuotaName, { limit: number; usage: number }>> = {}
  for (const name of quotaNames)
    usage[name] = { limit: limits[name] ?? -1, usage: await usageOf[name](app.db, caller.projectId) }
  return usage
}

/** In the transaction that makes the image, with limits fetched before it. Kind 'tooLarge'. */
export async function requireImageSlot(context: ImageContext, db: Db, limits: ProjectLimits): Promise<void> {
  await requireOneMore(context, db, limits, 'image_count_total')
}

/** Before an upload, a stage or an import begins. Kind 'tooLarge'. */
export async function requireUploadSlot(context: ImageContext): Promise<void> {
  await requireOneMore(context, context.app.db, await limitsOf(context), 'image_count_uploading')
}

/** How many more bytes may be stored. Kind 'tooLarge' where none may. */
export async function uploadLimit(context: ImageContext): Promise<number> {
  const { app, caller } = context
  const most = app.config.maxSizeGib * gib
  const own = app.config.userStorageQuotaGib
  const shared = limited((await limitsOf(context)).image_size_total)
  if (caller.projectId === undefined || (own === 0 && shared === undefined)) return most
  const used = await store.storedBytes(app.db, caller.projectId)
  const left = Math.min(
    own === 0 ? most : own * gib - used,
    shared === undefined ? most : shared * mib - used,
  )
  if (left <= 0)
    throw over(caller.projectId, 'image_size_total', Math.floor(used / mib), shared ?? own * 1024)
  return Math.min(most, left)
}

/** How many more bytes may wait for an import. Kind 'tooLarge' where none may. */
export async function stageLimit(context: ImageContext): Promise<number> {
  const { app, caller } = context
  const most = app.config.maxSizeGib * gib
  const limit = limited((await limitsOf(context)).image_stage_total)
  if (caller.projectId === undefined || limit === undefined) return most
  const used = await store.stagedBytes(app.db, caller.projectId)
  if (used >= limit * mib) throw over(caller.projectId, 'image_stage_total', Math.floor(used / mib), limit)
  return Math.min(most, limit * mib - used)
}

async function requireOneMore(
  { caller }: ImageContext,
  db: Db,
  limits: ProjectLimits,
  name: QuotaName,
): Promise<void> {
  const limit = limited(limits[name])
  if (limit === undefined || caller.projectId === undefined) return
  const usage = await usageOf[name](db, caller.projectId)
  if (usage + 1 > limit) throw over(caller.projectId, name, usage, limit)
}

const limited = (limit: number | undefined) => (limit === undefined || limit < 0 ? undefined : limit)

function over(projectId: string, name: QuotaName, usage: number, limit: number): CloudError {
  return new CloudError(
    'tooLarge',
    `Project ${projectId} is over a limit for [Resource ${name} is over limit of ${limit} due to current usage ${usage} and delta 1]`,
  )
}
