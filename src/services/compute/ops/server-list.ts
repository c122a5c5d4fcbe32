// Which servers a caller sees, in which order and which page of them.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { isTrue } from '#kit/http/query.ts'
import type { Query } from '#kit/http/route.ts'
import type { ComputeContext } from '../app.ts'
import { checkQuery, pageOf, paging, timeOf } from '../resources/query.ts'
import { knownStatuses, type Server, statusOf, vmStatesOf } from '../resources/server.ts'
import { serverRules } from '../resources/server-rule.ts'
import { findAnyServer, listServers as findServers, type ServerList } from '../store/server.ts'

const forAll = new Set(
  (
    'name status image flavor reservation_id tags tags-any not-tags not-tags-any changes-since changes-before ip ip6 ' +
    'sort_key sort_dir all_tenants locked'
  ).split(' '),
)
/** Open to all from 2.83 on, before to administrators alone. */
const from283 = new Set(
  'availability_zone config_drive key_name created_at launched_at terminated_at power_state task_state vm_state progress user_id'.split(
    ' ',
  ),
)
const forAdmins = new Set(
  (
    'host hostname node project_id tenant_id uuid deleted display_name display_description description instance_name ' +
    'access_ip_v4 access_ip_v6 access_ipv4 access_ipv6 auto_disk_config disk_config image_ref kernel_id ramdisk_id launch_index ' +
    'locked_by root_device_name updated_at internal_info block_device_mapping services metadata system_metadata info_cache flavor_id soft_deleted changes-deleted limit marker'
  ).split(' '),
)
const known = new Set([...paging, ...forAll, ...from283, ...forAdmins])

type Text = string
const whole = (text: Text) => {
  if (!/^\d{1,9}$/.test(text))
    throw new CloudError('badRequest', `Invalid filter: '${text}' is not a whole number`)
  return Number(text)
}
const columns: Record<
  string,
  [column: keyof Server & string, read: (text: Text) => string | number | boolean]
> = {
  image: ['imageId', String],
  image_ref: ['imageId', String],
  flavor: ['flavorId', String],
  reservation_id: ['reservationId', String],
  uuid: ['id', String],
  host: ['host', String],
  node: ['node', String],
  hostname: ['hostname', String],
  user_id: ['userId', String],
  project_id: ['projectId', String],
  tenant_id: ['projectId', String],
  availability_zone: ['availabilityZone', String],
  key_name: ['keyName', String],
  vm_state: ['vmState', String],
  task_state: ['taskState', String],
  power_state: ['powerState', whole],
  progress: ['progress', whole],
  launch_index: ['launchIndex', whole],
  config_drive: ['configDrive', isTrue],
}

const sortColumns: Record<string, keyof Server & string> = {
  created_at: 'createdAt',
  updated_at: 'updatedAt',
  launched_at: 'launchedAt',
  terminated_at: 'terminatedAt',
  display_name: 'name',
  name: 'name',
  uuid: 'id',
  id: 'id',
  host: 'host',
  node: 'node',
  hostname: 'hostname',
  user_id: 'userId',
  project_id: 'projectId',
  tenant_id: 'projectId',
  vm_state: 'vmState',
  status: 'vmState',
  task_state: 'taskState',
  power_state: 'powerState',
  progress: 'progress',
  key_name: 'keyName',
  image_ref: 'imageId',
  instance_type_id: 'flavorId',
  availability_zone: 'availabilityZone',
  launch_index: 'launchIndex',
  root_device_name: 'rootDevice',
  config_drive: 'configDrive',
  display_description: 'description',
  locked: 'lockedBy',
}

type Filter = (server: Server) => boolean

export async function listServers(
  context: ComputeContext,
  query: Query,
  detail: boolean,
): Promise<{ servers: Server[]; next: string | undefined }> {
  const { app } = context
  const at = context.version ?? 2093
  checkQuery(query, known, context.version)
  const list: ServerList = { equal: {}, orderBy: [['number', 'desc']] }
  scope(context, query, list, detail)
  const filters: Filter[] = []
  const everything = context.allows(serverRules.allFilters, {})
  for (const name of query.names()) {
    if (paging.includes(name as 'limit') || name.startsWith('sort_') || name === 'all_tenants') continue
    const open = forAll.has(name) || (at >= 2083 && from283.has(name))
    if (!open && !everything) continue
    narrow(name, query, at, list, filters)
  }
  if (!('deletedAt' in list.equal) && list.changedSince === undefined) list.equal.deletedAt = null
  return page(app.db, list, filters, query, app.config.maxLimit, at)
}

/** The caller's own project, or all where an administrator asks for all. */
function scope(context: ComputeContext, query: Query, list: ServerList, detail: boolean): void {
  const asked = query.get('all_tenants')
  const all = asked !== undefined && (asked === '' || isTrue(asked))
  if (asked !== undefined && asked !== '' && !/^(true|t|1|yes|y|on|false|f|0|no|n|off)$/i.test(asked))
    throw new CloudError('badRequest', `Invalid value '${asked}' for all_tenants`)
  if (all) {
    context.authorize(detail ? serverRules.detailAll : serverRules.listAll, {})
    return
  }
  context.authorize(detail ? serverRules.detail : serverRules.list, {
    project_id: context.caller.projectId,
    user_id: context.caller.userId,
  })
  list.equal.projectId = context.caller.projectId ?? ''
}

function narrow(name: string, query: Query, at: number, list: ServerList, filters: Filter[]): void {
  const value = query.get(name) ?? ''
  const column = columns[name]
  // Another project than the scope's leaves nothing over, as it should.
  if (column && (column[0] !== 'projectId' || list.equal.projectId === undefined)) {
    const values = query.all(name).map(column[1])
    list.equal[column[0]] = values.length === 1 ? values[0]! : (values as string[])
  } else if (name === 'status') narrowByStatus(query.all(name), at, list, filters)
  else if (name === 'name' || name === 'display_name') {
    const pattern = regularExpression('name', value)
    if (/^[\w -]+$/.test(value)) list.nameLike = value
    filters.push((server) => pattern.test(server.name))
  } else if (name === 'ip' || (name === 'ip6' && at >= 2005)) {
    const pattern = regularExpression(name, value)
    const version = name === 'ip' ? 4 : 6
    filters.push((server) =>
      server.addresses.some((each) =>
        each.ips.some((ip) => ip.version === version && pattern.test(ip.address)),
      ),
    )
  } else if (name in tagFilters && at >= 2026) {
    const wanted = value.split(',')
    const holds = tagFilters[name]!
    filters.push((server) => holds((tag) => server.tags.includes(tag), wanted))
  } else if (name === 'changes-since') list.changedSince = timeOf(query, name)
  else if (name === 'changes-before' && at >= 2066) list.changedBefore = timeOf(query, name)
  else if (name === 'locked' && at >= 2073)
    filters.push((server) => (server.lockedBy !== null) === isTrue(value))
  else if (name === 'deleted' && isTrue(value)) {
    // Any time of deletion; the filter leaves out those that live.
    list.changedSince ??= 0
    filters.push((server) => server.deletedAt !== null)
  }
}

const tagFilters: Record<string, (has: (tag: string) => boolean, wanted: string[]) => boolean> = {
  tags: (has, wanted) => wanted.every(has),
  'tags-any': (has, wanted) => wanted.some(has),
  'not-tags': (has, wanted) => !wanted.every(has),
  'not-tags-any': (has, wanted) => !wanted.some(has),
}

function narrowByStatus(statuses: readonly string[], at: number, list: ServerList, filters: Filter[]): void {
  const wanted = new Set(statuses.map((each) => each.toUpperCase()))
  const unknown = [...wanted].filter((each) => !knownStatuses.has(each))
  if (unknown.length > 0 && at >= 2038)
    throw new CloudError('badRequest', `Invalid status value: ${unknown[0]}`)
  list.equal.vmState = [...wanted].flatMap((each) => vmStatesOf(each))
  // Deleted ones only where they were asked for.
  if (wanted.has('DELETED')) list.changedSince ??= 0
  filters.push((server) => wanted.has(statusOf(server)))
}

function regularExpression(name: string, text: string): RegExp {
  try {
    return new RegExp(text)
  } catch (error) {
    throw new CloudError(
      'badRequest',
      `Invalid input for query parameters ${name}. Value: ${text}. '${text}' is not a 'regex'`,
      {
        cause: error,
      },
    )
  }
}

async function page(
  db: ComputeContext['app']['db'],
  list: ServerList,
  filters: readonly Filter[],
  query: Query,
  most: number,
  at: number,
): Promise<{ servers: Server[]; next: string | undefined }> {
  const { limit, marker } = pageOf(query, most)
  const keys = query.all('sort_key')
  const ways = query.all('sort_dir')
  const before =
    marker === undefined ? undefined : marker.length > 36 ? undefined : await findAnyServer(db, marker)
  if (marker !== undefined && !before) throw new CloudError('badRequest', `marker [${marker}] not found`)
  const sorted = keys.length > 0 && !(keys.length === 1 && keys[0] === 'created_at' && ways[0] !== 'asc')
  if (sorted) list.orderBy = [...orderOf(keys, ways, at), ['number', 'desc']]
  // In the default order the database itself begins after the marker and ends with the page.
  if (!sorted && before) list.below = before.number
  if (!sorted && filters.length === 0) list.limit = limit + 1
  const rows = await findServers(db, list)
  const kept =
    filters.length === 0 ? rows : rows.filter((server) => filters.every((passes) => passes(server)))
  const from = sorted && before ? kept.findIndex((server) => server.id === before.id) + 1 : 0
  const servers = kept.slice(from, from + limit)
  return { servers, next: kept.length > from + limit ? servers.at(-1)?.id : undefined }
}

function orderOf(keys: readonly string[], ways: readonly string[], at: number): ServerList['orderBy'] {
  return keys.flatMap((key, place): ServerList['orderBy'] => {
    const column = Object.hasOwn(sortColumns, key) ? sortColumns[key] : undefined
    if (!column || (key === 'locked' && at < 2073)) {
      if (at < 2075 && forAdmins.has(key)) return []
      throw new CloudError('badRequest', `Sort key supplied is not valid: ${key}`)
    }
    return [[column, ways[place] === 'asc' ? 'asc' : 'desc']]
  })
}
