// SQL of images, their properties and tags.
import type { Db } from '#kit/db/database.ts'
import type { Where } from '#kit/db/table.ts'
import {
  type Image,
  type ImageStatus,
  image,
  imageProperty,
  imageTag,
  type Visibility,
  type WholeImage,
} from '../resources/image.ts'
import { imageLocation } from '../resources/location.ts'
import { imageMember } from '../resources/member.ts'
import { locationsOf } from './location.ts'

export async function findImage(db: Db, id: string): Promise<WholeImage | undefined> {
  const row = await image.get(db, id)
  return row && (await withSides(db, [row], true))[0]
}

export async function insertImage(db: Db, row: WholeImage): Promise<void> {
  const { properties, tags, locations: _, ...own } = row
  await image.insert(db, own)
  await replaceSides(db, row.id, properties, tags)
}

/** False where the image is not in one of those states any more. */
export async function updateImage(
  db: Db,
  id: string,
  from: ImageStatus[] | undefined,
  change: Partial<Image>,
): Promise<boolean> {
  return (await image.update(db, { id, ...(from && { status: from }) }, change)) === 1
}

export async function replaceSides(
  db: Db,
  imageId: string,
  properties: Record<string, string>,
  tags: string[],
): Promise<void> {
  await imageProperty.delete(db, { imageId })
  await imageTag.delete(db, { imageId })
  const rows = Object.entries(properties).map(([name, value]) => ({ imageId, name, value }))
  if (rows.length > 0) await imageProperty.insert(db, rows)
  if (tags.length > 0)
    await imageTag.insert(
      db,
      tags.map((value) => ({ imageId, value })),
    )
}

export async function deleteImage(db: Db, id: string): Promise<void> {
  await imageProperty.delete(db, { imageId: id })
  await imageTag.delete(db, { imageId: id })
  await imageMember.delete(db, { imageId: id })
  await imageLocation.delete(db, { imageId: id })
  await image.delete(db, { id })
}

export const addTag = (db: Db, imageId: string, value: string) =>
  imageTag.insertIfAbsent(db, { imageId, value })
export const deleteTag = (db: Db, imageId: string, value: string) => imageTag.delete(db, { imageId, value })

export const sortColumns = {
  name: 'name',
  status: 'status',
  container_format: 'containerFormat',
  disk_format: 'diskFormat',
  size: 'size',
  id: 'id',
  created_at: 'createdAt',
  updated_at: 'updatedAt',
} as const satisfies Record<string, keyof Image>
export type SortKey = keyof typeof sortColumns

export type ImageFilter = {
  /** Which images the caller sees: all, or by owner, by sharing, and by visibility. */
  sees: { all: true } | { all: false; projectId: string | undefined; sharedIds: string[]; community: boolean }
  equal: Partial<
    Record<
      | 'name'
      | 'status'
      | 'containerFormat'
      | 'diskFormat'
      | 'id'
      | 'owner'
      | 'checksum'
      | 'osHashAlgo'
      | 'osHashValue',
      string[]
    >
  >
  equalNumber: Partial<Record<'size' | 'virtualSize' | 'minDisk' | 'minRam', number>>
  visibility: Visibility | undefined
  /** With visibility 'shared', only those of others that are shared with the caller. */
  osHidden: boolean
  protected: boolean | undefined
  sizeMin: number | undefined
  sizeMax: number | undefined
  times: {
    column: 'createdAt' | 'updatedAt'
    operator: '=' | '!=' | '<' | '<=' | '>' | '>='
    value: number
  }[]
  tags: string[]
  properties: Record<string, string>
  sort: [SortKey, 'asc' | 'desc'][]
  after: Image | undefined
  limit: number
  /** Read with them only where somebody is shown them: a third of a long list's time. */
  locations: boolean
}

export async function listImages(db: Db, filter: ImageFilter): Promise<WholeImage[]> {
  const ids = await idsBySides(db, filter)
  if (ids?.length === 0) return []
  const order = {
    orderBy: filter.sort.map(([key, direction]) => [sortColumns[key], direction] as const),
    limit: filter.limit,
  }
  const rows = onlyEqual(filter, ids)
    ? await image.find(db, equalities(filter, ids), order)
    : await image.find(db, conditions(filter, ids), order)
  return withSides(db, rows, filter.locations)
}

/** An admin's plain list, which is asked for most: its statement is compiled once. */
function onlyEqual(
  { sees, sizeMin, sizeMax, times, after, equal }: ImageFilter,
  ids: string[] | undefined,
): boolean {
  const ranges = sizeMin !== undefined || sizeMax !== undefined || times.length > 0 || after !== undefined
  return sees.all && !ranges && !(ids && equal.id)
}

function equalities(filter: ImageFilter, ids: string[] | undefined): Where<Image> {
  const numbers = Object.entries(filter.equalNumber).filter(([, value]) => value !== undefined)
  return {
    osHidden: filter.osHidden,
    ...(ids && { id: ids }),
    ...(filter.visibility && { visibility: filter.visibility }),
    ...(filter.protected !== undefined && { protected: filter.protected }),
    ...filter.equal,
    ...Object.fromEntries(numbers),
  } as Where<Image>
}

function conditions(filter: ImageFilter, ids: string[] | undefined): Where<Image> {
  return (start) => {
    let q = start.where('osHidden', '=', filter.osHidden as never)
    const { sees } = filter
    if (!sees.all) {
      q = q.where((e) =>
        e.or([
          e('visibility', '=', 'public'),
          ...(sees.projectId === undefined ? [] : [e('owner', '=', sees.projectId)]),
          ...(sees.sharedIds.length === 0
            ? []
            : [e.and([e('visibility', '=', 'shared'), e('id', 'in', sees.sharedIds)])]),
          ...(sees.community ? [e('visibility', '=', 'community')] : []),
        ]),
      )
    }
    if (ids) q = q.where('id', 'in', ids)
    if (filter.visibility) q = q.where('visibility', '=', filter.visibility)
    if (filter.protected !== undefined) q = q.where('protected', '=', filter.protected as never)
    if (filter.sizeMin !== undefined) q = q.where('size', '>=', filter.sizeMin)
    if (filter.sizeMax !== undefined) q = q.where('size', '<=', filter.sizeMax)
    for (const [column, values] of Object.entries(filter.equal)) q = q.where(column as 'name', 'in', values)
    for (const [column, value] of Object.entries(filter.equalNumber))
      if (value !== undefined) q = q.where(column as 'size', '=', value)
    for (const { column, operator, value } of filter.times) q = q.where(column, operator, value)
    if (filter.after) q = afterRow(q, filter.sort, filter.after)
    return q
  }
}

/** Rows behind the marker in the order of the list; nulls count as the smallest. */
// biome-ignore lint/suspicious/noExplicitAny: Kysely's builder type is private to the table
function afterRow(q: any, sort: ImageFilter['sort'], marker: Image): any {
  // biome-ignore lint/suspicious/noExplicitAny: the expression builder of the line above
  return q.where((e: any) => {
    const or = []
    const equalSoFar: unknown[] = []
    for (const [key, direction] of sort) {
      const column = sortColumns[key]
      const value = marker[column]
      const later =
        direction === 'asc'
          ? value === null
            ? e(column, 'is not', null)
            : e(column, '>', value)
          : value === null
            ? e.lit(false)
            : e.or([e(column, '<', value), e(column, 'is', null)])
      or.push(e.and([...equalSoFar, later]))
      equalSoFar.push(value === null ? e(column, 'is', null) : e(column, '=', value))
    }
    return e.or(or)
  })
}

/** Undefined where neither tags nor properties narrow the list. */
async function idsBySides(db: Db, filter: ImageFilter): Promise<string[] | undefined> {
  let ids: Set<string> | undefined
  const keep = (rows: { imageId: string }[]) => {
    const found = new Set(rows.map((row) => row.imageId))
    ids = ids ? new Set([...ids].filter((id) => found.has(id))) : found
  }
  for (const value of filter.tags) keep(await imageTag.find(db, { value }))
  for (const [name, value] of Object.entries(filter.properties)) {
    keep((await imageProperty.find(db, { name })).filter((row) => row.value === value))
  }
  return ids && [...ids]
}

async function withSides(db: Db, rows: Image[], locations: boolean): Promise<WholeImage[]> {
  if (rows.length === 0) return []
  const ids = rows.map((row) => row.id)
  const whole = new Map(
    rows.map((row): [string, WholeImage] => [row.id, { ...row, properties: {}, tags: [], locations: [] }]),
  )
  for (const { imageId, name, value } of await imageProperty.find(db, { imageId: ids }))
    whole.get(imageId)!.properties[name] = value
  for (const { imageId, value } of await imageTag.find(db, { imageId: ids }))
    whole.get(imageId)!.tags.push(value)
  for (const location of locations ? await locationsOf(db, ids) : [])
    whole.get(location.imageId)!.locations.push(location)
  return [...whole.values()]
}

/** False where another import was first. */
export const beginImport = async (
  db: Db,
  id: string,
  from: ImageStatus,
  change: Partial<Image>,
): Promise<boolean> => (await image.update(db, { id, status: from, importTask: null }, change)) === 1

/** False where that import has the image no more. */
export const changeImport = async (
  db: Db,
  id: string,
  importTask: string,
  change: Partial<Image>,
): Promise<boolean> => (await image.update(db, { id, importTask }, change)) === 1

/** Those named, beside those that are there. */
export async function setProperties(
  db: Db,
  imageId: string,
  properties: Record<string, string>,
): Promise<void> {
  for (const [name, value] of Object.entries(properties)) {
    await imageProperty.delete(db, { imageId, name })
    await imageProperty.insert(db, { imageId, name, value })
  }
}

/** Images whose bytes a controller was taking. */
export const listClaimed = (db: Db, claimedBy: string): Promise<Image[]> => image.find(db, { claimedBy })
