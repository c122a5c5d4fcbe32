// What may be done with flavors: who sees which, and their limits.
import { isUniqueViolation } from '#kit/db/connection.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { ComputeContext } from '../app.ts'
import { type Flavor, type flavorCreate, flavorRules } from '../resources/flavor.ts'
import { isAdmin } from '../resources/policy.ts'
import { pageOf } from '../resources/query.ts'
import { readBool, readWhole } from '../resources/schema.ts'
import * as store from '../store/flavor.ts'

type FlavorWish = ReturnType<(typeof flavorCreate)['parse']>

function noFlavor(id: string): CloudError {
  return new CloudError('notFound', `Flavor ${id} could not be found.`)
}

/** Those that aren't public are there only for administrators and the projects that have access. */
export async function loadFlavor(context: ComputeContext, id: string): Promise<Flavor> {
  const found = await store.findFlavor(context.app.db, id)
  if (!found) throw noFlavor(id)
  if (found.isPublic || context.allows(isAdmin, {})) return found
  const { projectId } = context.caller
  if (projectId && (await store.hasAccess(context.app.db, id, projectId))) return found
  throw noFlavor(id)
}

const sortKeys: Record<string, store.FlavorSort> = {
  flavorid: 'id',
  name: 'name',
  memory_mb: 'memoryMb',
  vcpus: 'vcpus',
  root_gb: 'rootGb',
  created_at: 'createdAt',
  id: 'id',
}

export async function listFlavors(
  context: ComputeContext,
  query: Query,
): Promise<{ flavors: Flavor[]; next: string | undefined }> {
  const { app, caller } = context
  const key = query.get('sort_key') ?? 'flavorid'
  const sort = Object.hasOwn(sortKeys, key) ? sortKeys[key] : undefined
  if (!sort) throw new CloudError('badRequest', `Sort key '${key}' is not one that flavors have`)
  const way = query.get('sort_dir') === 'desc' ? 'desc' : 'asc'
  const all = await store.listFlavors(app.db, sort, way)
  const wanted = publicFilter(query.get('is_public'), context.allows(isAdmin, {}))
  const granted = caller.projectId
    ? await store.flavorsOfProject(app.db, caller.projectId)
    : new Set<string>()
  const minRam = least(query, 'minRam')
  const minDisk = least(query, 'minDisk')
  const seen = all.filter(
    (each) =>
      (wanted === 'all' || each.isPublic === wanted || (wanted && granted.has(each.id))) &&
      each.memoryMb >= minRam &&
      each.rootGb >= minDisk,
  )
  const { limit, marker } = pageOf(query, app.config.maxLimit)
  const from = marker === undefined ? 0 : seen.findIndex((each) => each.id === marker) + 1
  if (marker !== undefined && from === 0) throw new CloudError('badRequest', `marker [${marker}] not found`)
  const flavors = seen.slice(from, from + limit)
  return { flavors, next: seen.length > from + limit ? flavors.at(-1)?.id : undefined }
}

/** Only administrators may ask for other than the public ones; 'None' asks for all. */
function publicFilter(asked: string | undefined, admin: boolean): boolean | 'all' {
  if (!admin || asked === undefined) return true
  if (/^none$/i.test(asked)) return 'all'
  if (/^(true|1|t|yes|y|on)$/i.test(asked)) return true
  if (/^(false|0|f|no|n|off)$/i.test(asked)) return false
  throw new CloudError('badRequest', `Invalid is_public filter [${asked}]`)
}

function least(query: Query, name: string): number {
  const given = query.get(name)
  if (given === undefined) return 0
  if (!/^\d+$/.test(given)) throw new CloudError('badRequest', `Invalid ${name} filter [${given}]`)
  return Number(given)
}

export async function createFlavor(context: ComputeContext, wish: FlavorWish): Promise<Flavor> {
  const { app } = context
  context.authorize(flavorRules.create, {})
  const size = (value: unknown, name: string, min: number) =>
    value === undefined ? 0 : readWhole(value as number | string, name, { min })
  const row: Flavor = {
    // 'auto' and nothing both ask for an id of the cloud's own making.
    id:
      wish.id === undefined || wish.id === null || wish.id === 'auto'
        ? app.world.random.uuid()
        : String(wish.id),
    name: wish.name,
    vcpus: size(wish.vcpus, 'vcpus', 1),
    memoryMb: size(wish.ram, 'ram', 1),
    rootGb: size(wish.disk, 'disk', 0),
    ephemeralGb: size(wish.ephemeral, 'OS-FLV-EXT-DATA:ephemeral', 0),
    swapMb: size(wish.swap, 'swap', 0),
    rxtxFactor: wish.rxtxFactor === undefined ? 1 : Number(wish.rxtxFactor),
    isPublic: wish.isPublic === undefined ? true : readBool(wish.isPublic),
    description: wish.description ?? null,
    extraSpecs: {},
    createdAt: app.world.clock.now(),
  }
  if (!(row.rxtxFactor > 0 && row.rxtxFactor <= 3.40282e38))
    throw new CloudError(
      'badRequest',
      `'rxtx_factor' must be above 0 and at most 3.40282e38, not ${wish.rxtxFactor}`,
    )
  try {
    // One that isn't public begins without any project, its maker's too.
    await app.db.transaction((tx) => store.insertFlavor(tx, row))
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    const sameName = await store.findFlavorByName(app.db, row.name)
    throw new CloudError(
      'conflict',
      sameName ? `Flavor with name ${row.name} already exists.` : `Flavor with ID ${row.id} already exists.`,
      { cause: error },
    )
  }
  return row
}

export async function describeFlavor(
  context: ComputeContext,
  id: string,
  description: string | null,
): Promise<Flavor> {
  context.authorize(flavorRules.update, {})
  const row = await loadFlavor(context, id)
  await store.updateFlavor(context.app.db, row.id, { description })
  return { ...row, description }
}

export async function deleteFlavor(context: ComputeContext, id: string): Promise<void> {
  context.authorize(flavorRules.delete, {})
  if ((await context.app.db.transaction((tx) => store.deleteFlavor(tx, id))) === 0) throw noFlavor(id)
}

export async function listAccess(context: ComputeContext, id: string) {
  context.authorize(flavorRules.access, {})
  const row = await loadFlavor(context, id)
  if (row.isPublic) throw new CloudError('notFound', 'Access list not available for public flavors.')
  return store.listAccess(context.app.db, id)
}

export async function addAccess(context: ComputeContext, id: string, projectId: string) {
  context.authorize(flavorRules.addAccess, {})
  const row = await loadFlavor(context, id)
  if (row.isPublic && (context.version ?? 0) >= 2007)
    throw new CloudError('conflict', 'Can not add access to a public flavor.')
  if (!(await store.insertAccess(context.app.db, id, projectId)))
    throw new CloudError(
      'conflict',
      `Flavor access already exists for flavor ${id} and project ${projectId} combination.`,
    )
  return store.listAccess(context.app.db, id)
}

export async function removeAccess(context: ComputeContext, id: string, projectId: string) {
  context.authorize(flavorRules.removeAccess, {})
  await loadFlavor(context, id)
  if ((await store.deleteAccess(context.app.db, id, projectId)) === 0)
    throw new CloudError('notFound', `Flavor access not found for ${id} / ${projectId} combination.`)
  return store.listAccess(context.app.db, id)
}

/** Replaces or adds those that are named. */
export async function setSpecs(
  context: ComputeContext,
  id: string,
  specs: Record<string, string>,
): Promise<void> {
  const row = await loadFlavor(context, id)
  await store.updateFlavor(context.app.db, id, { extraSpecs: { ...row.extraSpecs, ...specs } })
}

export async function deleteSpec(context: ComputeContext, id: string, key: string): Promise<void> {
  context.authorize(flavorRules.specDelete, {})
  const row = await loadFlavor(context, id)
  specOf(row, key)
  const { [key]: _gone, ...rest } = row.extraSpecs
  await store.updateFlavor(context.app.db, id, { extraSpecs: rest })
}

export function specOf(row: Flavor, key: string): string {
  const value = row.extraSpecs[key]
  if (value === undefined)
    throw new CloudError('notFound', `Flavor ${row.id} has no extra specs with key ${key}.`)
  return value
}
