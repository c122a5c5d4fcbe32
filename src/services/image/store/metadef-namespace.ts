// SQL of namespaces of metadata definitions.
import type { Db } from '#kit/db/database.ts'
import type { Where } from '#kit/db/table.ts'
import {
  type MetadefNamespace,
  metadefNamespace,
  type NamespaceVisibility,
} from '../resources/metadef-namespace.ts'
import { metadefObject } from '../resources/metadef-object.ts'
import { metadefProperty } from '../resources/metadef-property.ts'
import { metadefAssociation } from '../resources/metadef-resource-type.ts'
import { metadefTag } from '../resources/metadef-tag.ts'

export const findNamespace = (db: Db, namespace: string) => metadefNamespace.first(db, { namespace })
/** False where another has the name. */
export const insertNamespace = (db: Db, row: MetadefNamespace) => metadefNamespace.insertIfAbsent(db, row)
export const updateNamespace = (db: Db, id: string, change: Partial<MetadefNamespace>) =>
  metadefNamespace.update(db, { id }, change)

/** With all that is inside. */
export async function deleteNamespace(db: Db, id: string): Promise<void> {
  for (const inside of [metadefObject, metadefProperty, metadefTag, metadefAssociation])
    await inside.delete(db, { namespaceId: id })
  await metadefNamespace.delete(db, { id })
}

/** As clients name them, and the columns they stand for. */
export const namespaceSort = {
  namespace: 'namespace',
  display_name: 'displayName',
  created_at: 'createdAt',
  updated_at: 'updatedAt',
  visibility: 'visibility',
  owner: 'owner',
} as const satisfies Record<string, keyof MetadefNamespace>

export type NamespaceFilter = {
  /** The caller's own and public ones; all where undefined. */
  seenBy: string | undefined
  visibility: NamespaceVisibility | undefined
  resourceTypes: string[] | undefined
  sort: { key: keyof typeof namespaceSort; direction: 'asc' | 'desc' }
  after: MetadefNamespace | undefined
  limit: number
}

export async function listNamespaces(db: Db, filter: NamespaceFilter): Promise<MetadefNamespace[]> {
  const { resourceTypes, sort } = filter
  const ids =
    resourceTypes &&
    (await metadefAssociation.find(db, { resourceType: resourceTypes })).map((each) => each.namespaceId)
  if (ids?.length === 0) return []
  const column = namespaceSort[sort.key]
  return metadefNamespace.find(db, conditions(filter, ids), {
    orderBy: [
      [column, sort.direction],
      ['id', sort.direction],
    ],
    limit: filter.limit,
  })
}

function conditions(filter: NamespaceFilter, ids: string[] | undefined): Where<MetadefNamespace> {
  const { seenBy, visibility, after, sort } = filter
  const column = namespaceSort[sort.key]
  return (start) => {
    let q = start.where('id', 'is not', null)
    if (ids) q = q.where('id', 'in', ids)
    if (visibility) q = q.where('visibility', '=', visibility)
    if (seenBy !== undefined)
      q = q.where((e) => e.or([e('visibility', '=', 'public'), e('owner', '=', seenBy)]))
    if (after) {
      const later = sort.direction === 'asc' ? '>' : '<'
      const value = after[column]
      q = q.where((e) => {
        const tie = e.and([
          value === null ? e(column, 'is', null) : e(column, '=', value),
          e('id', later, after.id),
        ])
        // Nulls count as the smallest, as in the order of the list.
        if (value === null) return later === '>' ? e.or([tie, e(column, 'is not', null)]) : tie
        const beyond = e(column, later, value)
        return later === '>' ? e.or([tie, beyond]) : e.or([tie, beyond, e(column, 'is', null)])
      })
    }
    return q
  }
}
