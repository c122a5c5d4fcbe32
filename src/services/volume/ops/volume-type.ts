// Volume types: which a caller sees, and what administrators make of them.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { isTrue } from '#kit/http/query.ts'
import type { Query } from '#kit/http/route.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { VolumeApp, VolumeContext } from '../app.ts'
import { isAdmin } from '../resources/policy.ts'
import { readBool } from '../resources/schema.ts'
import { openSpecs, type ShownType, type VolumeType, volumeTypeRules } from '../resources/volume-type.ts'
import { countOfType } from '../store/volume.ts'
import * as store from '../store/volume-type.ts'

/** At start: the type of volumes for which none is asked exists. */
export async function ensureDefaultType(app: Pick<VolumeApp, 'db' | 'world' | 'config'>): Promise<void> {
  const { db, world, config } = app
  await store.insertType(db, {
    id: world.random.uuid(),
    name: config.defaultType,
    description: 'Default Volume Type',
    isPublic: true,
    extraSpecs: {},
    updatedAt: null,
    createdAt: world.clock.now(),
  })
}

const noType = (id: string) => new CloudError('notFound', `Volume type ${id} could not be found.`)

async function mayUse(context: VolumeContext, type: VolumeType): Promise<boolean> {
  if (type.isPublic || context.allows(isAdmin, {})) return true
  const access = await store.accessOfType(context.app.db, type.id)
  return access.some((each) => each.projectId === context.caller.projectId)
}

/** By id, `default` too; a private type of others is not there. */
export async function loadType(context: VolumeContext, id: string, rule: PolicyRule): Promise<VolumeType> {
  const { db, config } = context.app
  context.authorize(rule, { project_id: context.caller.projectId })
  const type =
    id === 'default' ? await store.findTypeByName(db, config.defaultType) : await store.findType(db, id)
  if (!type || !(await mayUse(context, type))) throw noType(id)
  return type
}

export const noTypeNamed = (name: string) =>
  new CloudError('notFound', `Volume type with name ${name} could not be found.`)

/** By id or by name, as a new volume asks for it. */
export async function typeForVolume(context: VolumeContext, asked: string | undefined): Promise<VolumeType> {
  const { db, config } = context.app
  const wanted = asked || config.defaultType
  const type = (await store.findType(db, wanted)) ?? (await store.findTypeByName(db, wanted))
  if (!type || !(await mayUse(context, type))) throw noTypeNamed(wanted)
  return type
}

export async function listTypes(context: VolumeContext, query: Query): Promise<ShownType[]> {
  const { caller, app } = context
  context.authorize(volumeTypeRules.list, { project_id: caller.projectId })
  const admin = context.allows(isAdmin, {})
  const own = new Set(
    (await store.accessOfProject(app.db, caller.projectId ?? '')).map((each) => each.typeId),
  )
  const wanted = publicity(query)
  const specs = specFilter(query)
  const all = await store.allTypes(app.db)
  const seen = all.filter((type) => {
    if (!specs(type)) return false
    if (!admin) return type.isPublic || own.has(type.id)
    // Without a word of them, private types are left out for administrators too, unless their project may use them.
    return (
      wanted === 'any' || type.isPublic === (wanted === 'public') || (wanted === 'public' && own.has(type.id))
    )
  })
  const from = query.has('marker') ? seen.findIndex((type) => type.id === query.get('marker')) + 1 : 0
  const limit = Number(query.get('limit') ?? seen.length)
  if (!Number.isInteger(limit) || limit < 0)
    throw new CloudError(
      'badRequest',
      `limit must be a whole number that is not negative, and is '${query.get('limit')}'`,
    )
  return seen.slice(from, from + limit).map((type) => shownType(context, type))
}

function publicity(query: Query): 'public' | 'private' | 'any' {
  const given = query.get('is_public')
  if (given === undefined) return 'public'
  if (/^none$/i.test(given)) return 'any'
  if (!/^(true|t|1|yes|y|on|false|f|0|no|n|off)$/i.test(given))
    throw new CloudError('badRequest', `Invalid is_public filter [${given}]`)
  return isTrue(given) ? 'public' : 'private'
}

/** {'multiattach': '<is> True'}, as clients write it. */
function specFilter(query: Query): (type: VolumeType) => boolean {
  const given = query.get('extra_specs')
  if (given === undefined) return () => true
  const wanted = [...given.matchAll(/['"]([^'"]+)['"]\s*:\s*u?['"]([^'"]*)['"]/g)]
  return (type) => wanted.every(([, key, value]) => type.extraSpecs[key!] === value)
}

export function shownType(context: VolumeContext, type: VolumeType): ShownType {
  const target = { project_id: context.caller.projectId }
  const may = context.allows(volumeTypeRules.seeSpecs, target)
  return {
    ...type,
    shownSpecs: may ? visibleSpecs(context, type) : undefined,
    admin: context.allows(volumeTypeRules.seeQos, target),
  }
}

function visibleSpecs(context: VolumeContext, type: VolumeType): Record<string, string | null> {
  if (context.allows(volumeTypeRules.seeAllSpecs, {})) return type.extraSpecs
  return Object.fromEntries(Object.entries(type.extraSpecs).filter(([key]) => openSpecs.has(key)))
}

export async function createType(
  context: VolumeContext,
  wish: {
    name: string
    description?: string | null
    extraSpecs?: Record<string, string | null> | null
    isPublic?: boolean | string
  },
): Promise<VolumeType> {
  const { db, world } = context.app
  const row: VolumeType = {
    id: world.random.uuid(),
    name: wish.name.trim(),
    description: wish.description ?? null,
    isPublic: wish.isPublic === undefined || readBool(wish.isPublic),
    extraSpecs: wish.extraSpecs ?? {},
    updatedAt: null,
    createdAt: world.clock.now(),
  }
  if (!(await store.insertType(db, row)))
    throw new CloudError('conflict', `Volume Type ${row.name} already exists.`)
  return row
}

export async function updateType(
  context: VolumeContext,
  id: string,
  wish: { name?: string | null; description?: string | null; isPublic?: boolean | string },
): Promise<VolumeType> {
  const { app } = context
  const type = await loadType(context, id, volumeTypeRules.update)
  if (wish.name == null && wish.description === undefined && wish.isPublic === undefined)
    throw new CloudError(
      'badRequest',
      'Specify volume type name, description, is_public or a combination thereof.',
    )
  const name = wish.name?.trim()
  if (name !== undefined && name !== type.name && type.name === app.config.defaultType)
    throw new CloudError('badRequest', `The default volume type ${type.name} keeps its name.`)
  const change = {
    ...(name !== undefined && { name }),
    ...(wish.description !== undefined && { description: wish.description }),
    ...(wish.isPublic !== undefined && { isPublic: readBool(wish.isPublic) }),
    updatedAt: app.world.clock.now(),
  }
  await app.db.transaction(async (tx) => {
    const other = name === undefined ? undefined : await store.findTypeByName(tx, name)
    if (other && other.id !== type.id) throw new CloudError('conflict', `Volume Type ${name} already exists.`)
    await store.updateType(tx, type.id, change)
  })
  return { ...type, ...change }
}

export async function deleteType(context: VolumeContext, id: string): Promise<void> {
  const { app } = context
  const type = await loadType(context, id, volumeTypeRules.delete)
  if (type.name === app.config.defaultType)
    throw new CloudError('badRequest', `The volume type ${type.name} is the default and can't be deleted.`)
  await app.db.transaction(async (tx) => {
    if ((await countOfType(tx, type.id)) > 0)
      throw new CloudError('badRequest', `Target volume type is still in use.`)
    await store.deleteType(tx, type.id)
  })
}

export async function showSpecs(context: VolumeContext, id: string): Promise<Record<string, string | null>> {
  return visibleSpecs(context, await loadType(context, id, volumeTypeRules.specList))
}

export async function showSpec(
  context: VolumeContext,
  id: string,
  key: string,
): Promise<Record<string, string | null>> {
  const specs = visibleSpecs(context, await loadType(context, id, volumeTypeRules.specShow))
  if (!Object.hasOwn(specs, key)) throw noSpec(id, key)
  return { [key]: specs[key]! }
}

const noSpec = (id: string, key: string) =>
  new CloudError('notFound', `Volume Type ${id} has no extra specs with key ${key}.`)

export async function setSpecs(
  context: VolumeContext,
  id: string,
  rule: PolicyRule,
  specs: Record<string, string | null>,
): Promise<void> {
  const type = await loadType(context, id, rule)
  await editSpecs(context, type.id, (now) => ({ ...now, ...specs }))
}

export async function deleteSpec(context: VolumeContext, id: string, key: string): Promise<void> {
  const type = await loadType(context, id, volumeTypeRules.specDelete)
  if (!Object.hasOwn(type.extraSpecs, key)) throw noSpec(id, key)
  await editSpecs(context, type.id, ({ [key]: _, ...rest }) => rest)
}

type Specs = VolumeType['extraSpecs']
async function editSpecs(context: VolumeContext, id: string, edit: (now: Specs) => Specs): Promise<void> {
  const { db, world } = context.app
  await db.transaction(async (tx) => {
    const type = await store.findType(tx, id)
    if (!type) throw noType(id)
    await store.updateType(tx, id, { extraSpecs: edit(type.extraSpecs), updatedAt: world.clock.now() })
  })
}

export async function listAccess(context: VolumeContext, id: string) {
  const type = await loadType(context, id, volumeTypeRules.accessList)
  if (type.isPublic) throw new CloudError('notFound', `Access list not available for public volume types.`)
  return store.accessOfType(context.app.db, type.id)
}

export async function addAccess(context: VolumeContext, id: string, projectId: string): Promise<void> {
  const type = await loadType(context, id, volumeTypeRules.accessAdd)
  if (type.isPublic)
    throw new CloudError('conflict', `Type access modification is not applicable to public volume type.`)
  if (!(await store.addAccess(context.app.db, type.id, projectId)))
    throw new CloudError(
      'conflict',
      `Volume type access for ${id} / ${projectId} combination already exists.`,
    )
}

export async function removeAccess(context: VolumeContext, id: string, projectId: string): Promise<void> {
  const type = await loadType(context, id, volumeTypeRules.accessRemove)
  if (type.isPublic)
    throw new CloudError('conflict', `Type access modification is not applicable to public volume type.`)
  if (!(await store.removeAccess(context.app.db, type.id, projectId)))
    throw new CloudError('notFound', `Volume type access not found for ${id} / ${projectId} combination.`)
}
