// SQL of what stands inside namespaces of metadata definitions: objects, properties, tags and associations with types
// of resource.
import type { Db } from '#kit/db/database.ts'
import type { MetadefNamespace, WholeNamespace } from '../resources/metadef-namespace.ts'
import { type MetadefObject, metadefObject } from '../resources/metadef-object.ts'
import { type MetadefProperty, metadefProperty } from '../resources/metadef-property.ts'
import {
  type MetadefAssociation,
  type MetadefResourceType,
  metadefAssociation,
  metadefResourceType,
} from '../resources/metadef-resource-type.ts'
import { type MetadefTag, metadefTag } from '../resources/metadef-tag.ts'

const byName = { orderBy: [['name', 'asc']] } as const

export const findObject = (db: Db, namespaceId: string, name: string) =>
  metadefObject.get(db, { namespaceId, name })
export const listObjects = (db: Db, namespaceId: string) => metadefObject.find(db, { namespaceId }, byName)
/** False where the namespace has one of that name; so too of properties, tags and associations. */
export const insertObject = (db: Db, row: MetadefObject) => metadefObject.insertIfAbsent(db, row)
export const deleteObject = (db: Db, namespaceId: string, name?: string) =>
  metadefObject.delete(db, { namespaceId, ...(name !== undefined && { name }) })

export const findProperty = (db: Db, namespaceId: string, name: string) =>
  metadefProperty.get(db, { namespaceId, name })
export const listProperties = (db: Db, namespaceId: string) =>
  metadefProperty.find(db, { namespaceId }, byName)
export const insertProperty = (db: Db, row: MetadefProperty) => metadefProperty.insertIfAbsent(db, row)
export const insertProperties = (db: Db, rows: MetadefProperty[]) => metadefProperty.insert(db, rows)
export const deleteProperty = (db: Db, namespaceId: string, name?: string) =>
  metadefProperty.delete(db, { namespaceId, ...(name !== undefined && { name }) })

export const findTag = (db: Db, namespaceId: string, name: string) =>
  metadefTag.get(db, { namespaceId, name })
export const listTags = (db: Db, namespaceId: string) => metadefTag.find(db, { namespaceId }, byName)
export const insertTag = (db: Db, row: MetadefTag) => metadefTag.insertIfAbsent(db, row)
export const deleteTag = (db: Db, namespaceId: string, name?: string) =>
  metadefTag.delete(db, { namespaceId, ...(name !== undefined && { name }) })

export const hasResourceTypes = async (db: Db) => (await metadefResourceType.first(db)) !== undefined
export const listResourceTypes = (db: Db) => metadefResourceType.find(db, {}, byName)
export const addResourceType = (db: Db, row: MetadefResourceType) =>
  metadefResourceType.insertIfAbsent(db, row)

export const findAssociation = (db: Db, namespaceId: string, resourceType: string) =>
  metadefAssociation.get(db, { namespaceId, resourceType })
export const listAssociations = (db: Db, namespaceId: string | string[]) =>
  metadefAssociation.find(db, { namespaceId }, { orderBy: [['resourceType', 'asc']] })
export const insertAssociation = (db: Db, row: MetadefAssociation) =>
  metadefAssociation.insertIfAbsent(db, row)
export const deleteAssociation = (db: Db, namespaceId: string, resourceType: string) =>
  metadefAssociation.delete(db, { namespaceId, resourceType })

export async function wholeNamespace(db: Db, namespace: MetadefNamespace): Promise<WholeNamespace> {
  return {
    namespace,
    associations: await listAssociations(db, namespace.id),
    objects: await listObjects(db, namespace.id),
    properties: await listProperties(db, namespace.id),
    tags: await listTags(db, namespace.id),
  }
}
