// Which volumes a caller sees, in which order and which page of them.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { isTrue } from '#kit/http/query.ts'
import type { Query } from '#kit/http/route.ts'
import type { VolumeContext } from '../app.ts'
import { isAdmin } from '../resources/policy.ts'
import { isUuid } from '../resources/schema.ts'
import { type Volume, volumeRules } from '../resources/volume.ts'
import { findVolume, listVolumes as findVolumes, type VolumeList } from '../store/volume.ts'
import { findType, findTypeByName } from '../store/volume-type.ts'

export const mostVolumes = 1000

const paging = new Set(
  'limit marker offset sort sort_key sort_dir all_tenants with_count tenant_id project_id changes-since'.split(
    ' ',
  ),
)
const sortColumns: Record<string, keyof Volume & string> = {
  created_at: 'createdAt',
  updated_at: 'updatedAt',
  id: 'id',
  name: 'name',
  display_name: 'name',
  status: 'status',
  size: 'size',
  host: 'host',
  bootable: 'bootable',
  availability_zone: 'availabilityZone',
}

type Filter = (row: Volume) => boolean
export type ListedVolumes = { volumes: Volume[]; next: string | undefined; total: number | undefined }

export async function listVolumes(context: VolumeContext, query: Query): Promise<ListedVolumes> {
  const { db } = context.app
  const list: VolumeList = { equal: {}, like: {}, orderBy: orderOf(query) }
  scope(context, query, list)
  const filters: Filter[] = []
  for (const name of query.names()) if (!paging.has(name)) await narrow(context, name, query, list, filters)
  const limit = wholeOf(query, 'limit', mostVolumes)
  const offset = wholeOf(query, 'offset', 0)
  const withCount = (context.version ?? 0) >= 3045 && isTrue(query.get('with_count'))
  const marker = query.get('marker')
  const before = marker === undefined ? undefined : await findVolume(db, marker)
  if (marker !== undefined && !before)
    throw new CloudError('notFound', `Volume ${marker} could not be found.`)
  const plain =
    list.orderBy.length === 1 && list.orderBy[0]![0] === 'number' && list.orderBy[0]![1] === 'desc'
  if (plain && before && !withCount) list.below = before.number
  if (plain && !withCount && filters.length === 0) list.limit = offset + limit
  const rows = (await findVolumes(db, list)).filter((row) => filters.every((passes) => passes(row)))
  const after = list.below === undefined && before ? rows.findIndex((row) => row.id === before.id) + 1 : 0
  const from = after + offset
  const volumes = rows.slice(from, from + limit)
  return {
    volumes,
    // As Cinder, which doesn't look beyond the page: a full one may be the last.
    next: volumes.length === limit ? volumes.at(-1)?.id : undefined,
    total: withCount ? rows.length : undefined,
  }
}

/** The caller's own project; all, or another, where an administrator asks for it. */
export function scope(context: VolumeContext, query: Query, list: { equal: VolumeList['equal'] }): void {
  const { caller } = context
  context.authorize(volumeRules.list, { project_id: caller.projectId })
  const asked = query.get('all_tenants')
  if (asked !== undefined && !/^(true|t|1|yes|y|on|false|f|0|no|n|off|)$/i.test(asked))
    throw new CloudError('badRequest', `Invalid value '${asked}' for all_tenants`)
  const all = isTrue(asked) && context.allows(isAdmin, {})
  const other = query.get('project_id') ?? query.get('tenant_id')
  if (!all) list.equal.projectId = caller.projectId ?? ''
  else if (other !== undefined) list.equal.projectId = other
}

async function narrow(
  context: VolumeContext,
  name: string,
  query: Query,
  list: VolumeList,
  filters: Filter[],
): Promise<void> {
  const at = context.version ?? 0
  const value = query.get(name) ?? ''
  switch (name) {
    case 'name':
    case 'display_name':
      list.equal.name = value
      return
    case 'name~':
    case 'description~':
      if (at >= 3034) list.like[name.slice(0, -1) as 'name'] = value
      return
    case 'description':
    case 'display_description':
      list.equal.description = value
      return
    case 'status':
      list.equal.status = value
      return
    case 'id':
      list.equal.id = query.all('id')
      return
    case 'size':
      if (!/^\d+$/.test(value))
        throw new CloudError('badRequest', `size must be a whole number, and is '${value}'`)
      list.equal.size = Number(value)
      return
    case 'bootable':
      if (at >= 3002 && !/^(true|1|false|0)$/i.test(value))
        throw new CloudError('badRequest', `Could not validate bootable: '${value}' is no boolean`)
      list.equal.bootable = isTrue(value)
      return
    case 'availability_zone':
      list.equal.availabilityZone = value
      return
    case 'host':
      if (context.allows(isAdmin, {})) list.equal.host = value.split('#')[0]!
      return
    case 'volume_type':
    case 'volume_type_id': {
      const { db } = context.app
      const type =
        (isUuid(value) ? await findType(db, value) : undefined) ?? (await findTypeByName(db, value))
      list.equal.typeId = type?.id ?? ''
      return
    }
    case 'metadata':
      return void filters.push(holdsAll(readPairs(name, value), (row) => row.metadata))
    case 'glance_metadata':
      if (at >= 3004) filters.push(holdsAll(readPairs(name, value), (row) => row.imageMetadata ?? {}))
      return
    default:
      // Until 3.30 a filter that nobody knows is passed over.
      if (at >= 3031 && !context.allows(isAdmin, {}))
        throw new CloudError('badRequest', `Invalid filters ${name} are found in query options.`)
  }
}

function holdsAll(wanted: Record<string, string>, of: (row: Volume) => Record<string, string>): Filter {
  return (row) => Object.entries(wanted).every(([key, value]) => of(row)[key] === value)
}

/** Clients write Python's form of a dictionary: {'a': 'b'}. */
function readPairs(name: string, text: string): Record<string, string> {
  const invalid = () =>
    new CloudError('badRequest', `The filter ${name} must hold pairs of texts, and is '${text}'`)
  const inner = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1]
  if (inner === undefined) throw invalid()
  const pairs: Record<string, string> = {}
  const pattern = /\s*u?(?:'([^']*)'|"([^"]*)")\s*:\s*u?(?:'([^']*)'|"([^"]*)")\s*(?:,|$)/gy
  let end = 0
  for (let match = pattern.exec(inner); match; match = pattern.exec(inner)) {
    pairs[match[1] ?? match[2] ?? ''] = match[3] ?? match[4] ?? ''
    end = pattern.lastIndex
  }
  if (inner.slice(end).trim() !== '') throw invalid()
  return pairs
}

function orderOf(query: Query): VolumeList['orderBy'] {
  const sort = query.get('sort')
  const keys = sort
    ? sort.split(',').map((part) => part.trim().split(':') as [string, string?])
    : query.all('sort_key').map((key, at): [string, string?] => [key, query.all('sort_dir')[at]])
  const order = keys.map(([key, way = 'desc']): VolumeList['orderBy'][number] => {
    const column = Object.hasOwn(sortColumns, key) ? sortColumns[key] : undefined
    if (!column) throw new CloudError('badRequest', `Invalid input received: Sort key '${key}' is unknown.`)
    if (way !== 'asc' && way !== 'desc')
      throw new CloudError(
        'badRequest',
        `Invalid input received: Unknown sort direction '${way}', must be 'desc' or 'asc'.`,
      )
    return [column, way]
  })
  if (order.length === 1 && order[0]![0] === 'createdAt' && order[0]![1] === 'desc')
    return [['number', 'desc']]
  return [...order, ['number', 'desc']]
}

export function wholeOf(query: Query, name: 'limit' | 'offset', otherwise: number): number {
  const given = query.get(name)
  if (given === undefined || given === '') return otherwise
  if (!/^\d+$/.test(given) || Number(given) > 0x7fff_ffff)
    throw new CloudError(
      'badRequest',
      `${name} param must be a whole number that is not negative, and is '${given}'`,
    )
  return name === 'limit' ? Math.min(Number(given), mostVolumes) : Number(given)
}

/** Count, size and, from 3.36 on, the metadata of all volumes in view. */
export async function summarize(context: VolumeContext, query: Query): Promise<Record<string, unknown>> {
  const list: VolumeList = { equal: {}, like: {}, orderBy: [['number', 'desc']] }
  scope(context, query, list)
  const rows = await findVolumes(context.app.db, list)
  const metadata: Record<string, string[]> = {}
  for (const row of rows)
    for (const [key, value] of Object.entries(row.metadata)) {
      const values = metadata[key] ?? []
      metadata[key] = values.includes(value) ? values : [...values, value]
    }
  return {
    total_size: rows.reduce((sum, row) => sum + row.size, 0),
    total_count: rows.length,
    ...((context.version ?? 0) >= 3036 && { metadata }),
  }
}
