// Which images a list shows: what the caller may see, narrowed by the query, sorted and paged.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { isTrue } from '#kit/http/query.ts'
import type { Query } from '#kit/http/route.ts'
import type { ImageContext } from '../app.ts'
import { type Visibility, visibilities, type WholeImage } from '../resources/image.ts'
import type { MemberStatus } from '../resources/member.ts'
import * as store from '../store/image.ts'
import { sharedWith } from '../store/member.ts'
import { isAdmin } from './admin.ts'
import { showsLocations } from './content-view.ts'
import { defaultPage, readLimit } from './page.ts'
import { isReadable } from './property-protection.ts'

const equalColumns = {
  name: 'name',
  status: 'status',
  container_format: 'containerFormat',
  disk_format: 'diskFormat',
  id: 'id',
  owner: 'owner',
  checksum: 'checksum',
  os_hash_algo: 'osHashAlgo',
  os_hash_value: 'osHashValue',
} as const
const numberColumns = {
  size: 'size',
  virtual_size: 'virtualSize',
  min_disk: 'minDisk',
  min_ram: 'minRam',
} as const
/** Arguments that are no filter on a property. */
const known = [
  'limit',
  'marker',
  'sort',
  'sort_key',
  'sort_dir',
  'visibility',
  'member_status',
  'os_hidden',
  'protected',
  'size_min',
  'size_max',
  'tag',
  'created_at',
  'updated_at',
  'changes-since',
  ...Object.keys(equalColumns),
  ...Object.keys(numberColumns),
]

export async function listImages(
  context: ImageContext,
  query: Query,
): Promise<{ images: WholeImage[]; next: string | undefined }> {
  const { db } = context.app
  // What the caller may not read can't be asked for either.
  const hidden = propertyNames(query).some((name) => !isReadable(context, name))
  const limit = readLimit(query.get('limit'), defaultPage)
  const filter = await readFilter(context, query)
  // One more than the page tells whether there is another page.
  const rows = limit === 0 || hidden ? [] : await store.listImages(db, { ...filter, limit: limit + 1 })
  const images = rows.slice(0, limit)
  return { images, next: rows.length > limit ? images.at(-1)!.id : undefined }
}

const propertyNames = (query: Query) => query.names().filter((name) => !known.includes(name))

async function readFilter(context: ImageContext, query: Query): Promise<store.ImageFilter> {
  if (query.has('changes-since'))
    throw new CloudError('badRequest', 'The "changes-since" filter is no longer available on v2.')
  const visibility = query.get('visibility')
  if (visibility !== undefined && visibility !== 'all' && !visibilities.includes(visibility as Visibility)) {
    throw new CloudError('badRequest', `Invalid visibility value: ${visibility}`)
  }
  const equal: store.ImageFilter['equal'] = {}
  for (const [name, column] of Object.entries(equalColumns)) {
    const value = query.get(name)
    if (value !== undefined) equal[column] = readIn(name, value)
  }
  const equalNumber: store.ImageFilter['equalNumber'] = {}
  for (const [name, column] of Object.entries(numberColumns)) equalNumber[column] = readSize(query, name)
  const marker = query.get('marker')
  const after = marker === undefined ? undefined : await store.findImage(context.app.db, marker)
  if (marker !== undefined && !after) throw new CloudError('badRequest', `No image found with ID ${marker}`)
  return {
    sees: await sees(context, query, visibility),
    equal,
    equalNumber,
    visibility: visibility === 'all' ? undefined : (visibility as Visibility | undefined),
    osHidden: readBool(query, 'os_hidden') ?? false,
    protected: readBool(query, 'protected'),
    sizeMin: readSize(query, 'size_min'),
    sizeMax: readSize(query, 'size_max'),
    times: [...readTimes(query, 'created_at', 'createdAt'), ...readTimes(query, 'updated_at', 'updatedAt')],
    tags: query.all('tag'),
    properties: Object.fromEntries(propertyNames(query).map((name) => [name, query.get(name)!])),
    sort: readSort(query),
    after,
    limit: 0,
    locations: showsLocations(context.app),
  }
}

async function sees(
  context: ImageContext,
  query: Query,
  visibility: string | undefined,
): Promise<store.ImageFilter['sees']> {
  const { caller } = context
  const status = query.get('member_status') ?? 'accepted'
  if (!['pending', 'accepted', 'rejected', 'all'].includes(status))
    throw new CloudError('badRequest', `Invalid status: ${status}`)
  if (isAdmin(context)) return { all: true }
  const statuses: MemberStatus[] =
    status === 'all' ? ['pending', 'accepted', 'rejected'] : [status as MemberStatus]
  const sharedIds =
    caller.projectId === undefined ? [] : await sharedWith(context.app.db, caller.projectId, statuses)
  return {
    all: false,
    projectId: caller.projectId,
    sharedIds,
    community: visibility === 'community' || visibility === 'all',
  }
}

function readSort(query: Query): [store.SortKey, 'asc' | 'desc'][] {
  const given = query.get('sort')
  const keys = query.all('sort_key')
  const directions = query.all('sort_dir')
  if (given !== undefined && keys.length + directions.length > 0)
    throw new CloudError('badRequest', 'Old and new sorting syntax cannot be combined')
  const pairs =
    given === undefined
      ? keys.map((key, i) => [key, directions[i] ?? directions[0] ?? 'desc'])
      : given.split(',').map((part) => {
          const [key, direction = 'desc'] = part.trim().split(':')
          return [key!, direction]
        })
  const sort: [store.SortKey, 'asc' | 'desc'][] = []
  const fallback = given === undefined && keys.length === 0 ? directions[0] : undefined
  for (const [key, direction] of pairs) {
    if (!Object.hasOwn(store.sortColumns, key!)) {
      throw new CloudError(
        'badRequest',
        `Invalid sort key: ${key}. It must be one of the following: ${Object.keys(store.sortColumns).join(', ')}.`,
      )
    }
    sort.push([key as store.SortKey, checkDirection(direction!)])
  }
  const last = checkDirection(fallback ?? sort.at(-1)?.[1] ?? 'desc')
  // Ties are broken the same way on each page.
  for (const key of ['created_at', 'id'] as const)
    if (!sort.some(([known]) => known === key)) sort.push([key, last])
  return sort
}

function checkDirection(direction: string): 'asc' | 'desc' {
  if (direction === 'asc' || direction === 'desc') return direction
  throw new CloudError(
    'badRequest',
    `Invalid sort direction: ${direction}. It must be one of the following: asc, desc.`,
  )
}

function readIn(name: string, value: string): string[] {
  if (!value.startsWith('in:')) return [value]
  const list = [...value.slice(3).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/g)].map(
    (match) => match[1] ?? match[2]!,
  )
  if (list.length === 0) throw new CloudError('badRequest', `Invalid filter value for ${name}: ${value}`)
  return list
}

function readBool(query: Query, name: string): boolean | undefined {
  const value = query.get(name)
  if (value === undefined) return undefined
  if (!/^(true|false)$/i.test(value))
    throw new CloudError(
      'badRequest',
      `Invalid value '${value}' for '${name}' filter. Valid values are case sensitive 'true' or 'false'`,
    )
  return isTrue(value)
}

function readSize(query: Query, name: string): number | undefined {
  const value = query.get(name)
  if (value === undefined) return undefined
  if (!/^\d{1,15}$/.test(value))
    throw new CloudError(
      'badRequest',
      `Filter '${name}' must be a whole number that is not negative, not ${value}`,
    )
  return Number(value)
}

const operators = { eq: '=', neq: '!=', gt: '>', gte: '>=', lt: '<', lte: '<=' } as const

function readTimes(
  query: Query,
  name: string,
  column: 'createdAt' | 'updatedAt',
): store.ImageFilter['times'] {
  return query.all(name).map((text) => {
    const match = /^(?:(eq|neq|gte|gt|lte|lt):)?(.+)$/.exec(text)
    const value = Date.parse(match?.[2] ?? '')
    if (!match || Number.isNaN(value))
      throw new CloudError('badRequest', `Unable to filter by ${name}: '${text}' is no time in ISO 8601`)
    return { column, operator: operators[(match[1] ?? 'eq') as keyof typeof operators], value }
  })
}
