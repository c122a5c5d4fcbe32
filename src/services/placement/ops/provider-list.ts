// Which providers a list shows: by name, id, tree, room, traits and aggregates, all of them at once.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { PlacementContext } from '../app.ts'
import type { Provider } from '../resources/provider.ts'
import * as store from '../store/provider.ts'
import { readMemberOf, readResources, readTraits, repeatedMemberOfSince } from './candidate-query.ts'
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
  // Other than candidates, the list knows forbidden traits in each of its versions.
  const traitsWord = query.get('required')
  const { required, forbidden } =
    traitsWord === undefined ? { required: [], forbidden: [] } : readTraits(traitsWord, true)
  const memberOf = readMemberOf(query.all('member_of'), (context.version ?? 0) >= repeatedMemberOfSince)
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
