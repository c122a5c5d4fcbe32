// Decisions about what stands inside namespaces of metadata definitions. Who may, is asked of the namespace.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { ImageContext } from '../app.ts'
import { metadefRules, mostName } from '../resources/metadef.ts'
import type { MetadefObject, ObjectGiven } from '../resources/metadef-object.ts'
import type { MetadefProperty, PropertyDefinition } from '../resources/metadef-property.ts'
import type {
  AssociationGiven,
  MetadefAssociation,
  MetadefResourceType,
} from '../resources/metadef-resource-type.ts'
import type { MetadefTag } from '../resources/metadef-tag.ts'
import * as store from '../store/metadef.ts'
import { permittedNamespace, requireAssociation } from './metadef-namespace.ts'
import { readLimit } from './page.ts'

export async function listObjects(context: ImageContext, namespace: string): Promise<MetadefObject[]> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.listObjects)
  return store.listObjects(context.app.db, id)
}

export async function getObject(
  context: ImageContext,
  namespace: string,
  name: string,
): Promise<MetadefObject> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.getObject)
  return found(await store.findObject(context.app.db, id, name), 'object', name, namespace)
}

export async function createObject(
  context: ImageContext,
  namespace: string,
  given: ObjectGiven,
): Promise<MetadefObject> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.addObject)
  const row = { namespaceId: id, ...objectOf(given), ...timesNow(context) }
  if (!(await store.insertObject(context.app.db, row))) throw taken('object', row.name, namespace)
  return row
}

export async function updateObject(
  context: ImageContext,
  namespace: string,
  name: string,
  given: ObjectGiven,
): Promise<MetadefObject> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.modifyObject)
  return context.app.db.transaction(async (tx) => {
    const before = found(await store.findObject(tx, id, name), 'object', name, namespace)
    const after = { ...before, ...objectOf(given), updatedAt: context.app.world.clock.now() }
    await store.deleteObject(tx, id, name)
    if (!(await store.insertObject(tx, after))) throw taken('object', after.name, namespace)
    return after
  })
}

/** Without a name all of them, of which there may be none. */
export async function deleteObject(context: ImageContext, namespace: string, name?: string): Promise<void> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.deleteObject)
  const gone = await store.deleteObject(context.app.db, id, name)
  if (name !== undefined) requireGone(gone, 'object', name, namespace)
}

export async function listProperties(context: ImageContext, namespace: string): Promise<MetadefProperty[]> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.listProperties)
  return store.listProperties(context.app.db, id)
}

/** By its name on `resourceType`, with that type's prefix, where one is given. */
export async function getProperty(
  context: ImageContext,
  namespace: string,
  name: string,
  resourceType: string | undefined,
): Promise<MetadefProperty> {
  const owner = await permittedNamespace(context, namespace, metadefRules.getProperty)
  const prefix =
    resourceType === undefined ? '' : ((await requireAssociation(context, owner, resourceType)).prefix ?? '')
  if (!name.startsWith(prefix)) {
    throw new CloudError(
      'notFound',
      `Property ${name} does not start with the expected resource type association prefix of '${prefix}'.`,
    )
  }
  const row = await store.findProperty(context.app.db, owner.id, name.slice(prefix.length))
  return { ...found(row, 'property', name, namespace), name }
}

export async function createProperty(
  context: ImageContext,
  namespace: string,
  { name, ...definition }: PropertyDefinition & { name: string },
): Promise<MetadefProperty> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.addProperty)
  const row = { namespaceId: id, name, definition, ...timesNow(context) }
  if (!(await store.insertProperty(context.app.db, row))) throw taken('property', name, namespace)
  return row
}

export async function updateProperty(
  context: ImageContext,
  namespace: string,
  old: string,
  { name, ...definition }: PropertyDefinition & { name: string },
): Promise<MetadefProperty> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.modifyProperty)
  return context.app.db.transaction(async (tx) => {
    const before = found(await store.findProperty(tx, id, old), 'property', old, namespace)
    const after = { ...before, name, definition, updatedAt: context.app.world.clock.now() }
    await store.deleteProperty(tx, id, old)
    if (!(await store.insertProperty(tx, after))) throw taken('property', name, namespace)
    return after
  })
}

export async function deleteProperty(context: ImageContext, namespace: string, name?: string): Promise<void> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.removeProperty)
  const gone = await store.deleteProperty(context.app.db, id, name)
  if (name !== undefined) requireGone(gone, 'property', name, namespace)
}

/** Sorted by name; a page of them where `limit` is given. */
export async function listTags(
  context: ImageContext,
  namespace: string,
  query: Query,
): Promise<{ tags: MetadefTag[]; next: string | undefined }> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.listTags)
  const rows = await store.listTags(context.app.db, id)
  if (query.get('sort_dir') === 'desc') rows.reverse()
  const marker = query.get('marker')
  const after = marker === undefined ? -1 : rows.findIndex((each) => each.name === marker)
  if (marker !== undefined && after < 0) throw missing('tag', marker, namespace)
  const rest = rows.slice(after + 1)
  const limit = readLimit(query.get('limit'), rest.length)
  const tags = rest.slice(0, limit)
  return { tags, next: rest.length > limit ? tags.at(-1)?.name : undefined }
}

export async function getTag(context: ImageContext, namespace: string, name: string): Promise<MetadefTag> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.getTag)
  return found(await store.findTag(context.app.db, id, name), 'tag', name, namespace)
}

export async function createTag(context: ImageContext, namespace: string, name: string): Promise<MetadefTag> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.addTag)
  if ([...name].length > mostName)
    throw new CloudError('badRequest', `A tag has at most ${mostName} characters.`)
  const row = { namespaceId: id, name, ...timesNow(context) }
  if (!(await store.insertTag(context.app.db, row))) throw taken('tag', name, namespace)
  return row
}

/** In place of those that are there, unless `append`. */
export async function createTags(
  context: ImageContext,
  namespace: string,
  names: string[],
  append: boolean,
): Promise<void> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.addTags)
  await context.app.db.transaction(async (tx) => {
    if (!append) await store.deleteTag(tx, id)
    for (const name of names) {
      const row = { namespaceId: id, name, ...timesNow(context) }
      if (!(await store.insertTag(tx, row))) throw taken('tag', name, namespace)
    }
  })
}

export async function renameTag(
  context: ImageContext,
  namespace: string,
  old: string,
  name: string,
): Promise<MetadefTag> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.modifyTag)
  return context.app.db.transaction(async (tx) => {
    const before = found(await store.findTag(tx, id, old), 'tag', old, namespace)
    const after = { ...before, name, updatedAt: context.app.world.clock.now() }
    await store.deleteTag(tx, id, old)
    if (!(await store.insertTag(tx, after))) throw taken('tag', name, namespace)
    return after
  })
}

export async function deleteTag(context: ImageContext, namespace: string, name: string): Promise<void> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.deleteTag)
  requireGone(await store.deleteTag(context.app.db, id, name), 'tag', name, namespace)
}

export async function deleteTags(context: ImageContext, namespace: string): Promise<void> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.deleteTags)
  await store.deleteTag(context.app.db, id)
}

export function listResourceTypes(context: ImageContext): Promise<MetadefResourceType[]> {
  // They belong to nobody and are no secret.
  const target = { project_id: context.caller.projectId, visibility: 'public' }
  context.authorize(metadefRules.listResourceTypes, target)
  return store.listResourceTypes(context.app.db)
}

export async function listAssociations(
  context: ImageContext,
  namespace: string,
): Promise<MetadefAssociation[]> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.getResourceType)
  return store.listAssociations(context.app.db, id)
}

/** A type of resource that is not known yet becomes known. */
export async function addAssociation(
  context: ImageContext,
  namespace: string,
  given: AssociationGiven,
): Promise<MetadefAssociation> {
  const { id } = await permittedNamespace(context, namespace, metadefRules.addResourceType)
  const { name, prefix = null, propertiesTarget = null } = given
  const times = timesNow(context)
  const row = { namespaceId: id, resourceType: name, prefix, propertiesTarget, ...times }
  await context.app.db.transaction(async (tx) => {
    await store.addResourceType(tx, { name, ...times })
    if (await store.insertAssociation(tx, row)) return
    throw new CloudError(
      'conflict',
      `The metadata definition resource-type association of resource-type=${name} to namespace=${namespace} already exists.`,
    )
  })
  return row
}

export async function removeAssociation(
  context: ImageContext,
  namespace: string,
  resourceType: string,
): Promise<void> {
  const owner = await permittedNamespace(context, namespace, metadefRules.removeResourceType)
  await requireAssociation(context, owner, resourceType)
  await store.deleteAssociation(context.app.db, owner.id, resourceType)
}

function objectOf(given: ObjectGiven) {
  const { name, description = null, required = [], properties = {} } = given
  return { name, description, required, properties }
}

function timesNow(context: ImageContext) {
  const now = context.app.world.clock.now()
  return { createdAt: now, updatedAt: now }
}

function missing(kind: string, name: string, namespace: string): CloudError {
  return new CloudError(
    'notFound',
    `The metadata definition ${kind} with name=${name} was not found in namespace=${namespace}.`,
  )
}

function found<Row>(row: Row | undefined, kind: string, name: string, namespace: string): Row {
  if (row === undefined) throw missing(kind, name, namespace)
  return row
}

function requireGone(rows: number, kind: string, name: string, namespace: string): void {
  if (rows === 0) throw missing(kind, name, namespace)
}

function taken(kind: string, name: string, namespace: string): CloudError {
  return new CloudError(
    'conflict',
    `A metadata definition ${kind} with name=${name} already exists in namespace=${namespace}.`,
  )
}
