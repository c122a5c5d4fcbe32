// Which providers a list shows: by name, id, tree, room, traits and aggregates, all of them at once.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { PlacementContext } from '../app.ts'
import type { Provider } from '../resources/provider.ts'
import * as store from '../store/provider.ts'
import { readCandidateQuery, readResources } from './candidate-query.ts'
import { canonical } from './provider.ts'

export async function listProviders(context: PlacementContext, query: Query): Promise<Provider[]> {
  const { db } = context.app
  let uuids: Set<string> | undefined
  const keep = (found: Iterable<string>) => {
    const set = new Set(found)
    uuids = uuids ? new Set([...uuids].filter((uuid) => set.has(uuid))) : set
  }
  if (query.has('uuid')) keep([requireUuid(query.get('uuid')!)])
  const resources = query.get('resources')
  for (const [resourceClass, amount] of resources === undefined ? [] : readResources(resources)) {
    keep((await store.providersWithRoom(db, resourceClass, amount)).map((row) => row.providerUuid))
  }
  const { memberOf, required, forbidden } = readFilters(query, context.version ?? 0)
  for (const choice of memberOf) keep(await store.providersInAggregates(db, choice))
  let rootUuid: string | undefined
  if (query.has('in_tree')) {
    const member = await store.findProvider(db, requireUuid(query.get('in_tree')!))
    if (!member) return []
    rootUuid = member.rootUuid
  }
  if (uuids?.size === 0) return []
  const rows = await store.listProviders(db, {
    uuids: uuids && [...uuids],
    name: query.get('name'),
    rootUuid,
  })
  if (required.length + forbidden.length === 0) return rows
  const traits = await store.listTraitsOf(
    db,
    rows.map((row) => row.uuid),
  )
  return rows.filter((row) => {
    const own = traits.get(row.uuid) ?? []
    return required.every((name) => own.includes(name)) && !forbidden.some((name) => own.includes(name))
  })
}

/** The list's traits and aggregates are worded as those of candidates are. */
function readFilters(
  query: Query,
  version: number,
): { memberOf: string[][]; required: string[]; forbidden: string[] } {
  const names = ['required', 'member_of'].filter((name) => query.has(name))
  if (names.length === 0) return { memberOf: [], required: [], forbidden: [] }
  const asCandidates: Query = {
    names: () => ['resources', ...names],
    has: (name) => name === 'resources' || names.includes(name),
    get: (name) => (name === 'resources' ? 'VCPU:1' : names.includes(name) ? query.get(name) : undefined),
    all: (name) => query.all(name),
  }
  // The list knew both before candidates did.
  return readCandidateQuery(asCandidates, Math.max(version, version >= 1024 ? version : 1022)).groups[0]!
}

function requireUuid(text: string): string {
  const uuid = canonical(text)
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) {
    throw new CloudError(
      'badRequest',
      `Invalid query string parameters: Failed validating 'format' in uuid: ${text}`,
    )
  }
  return uuid
}
