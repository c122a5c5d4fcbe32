// Which providers a list shows: by name, id, tree, room, traits and aggregates, all of them at once.
import type { Query } from '#kit/http/route.ts'
import type { PlacementContext } from '../app.ts'
import type { Provider } from '../resources/provider.ts'
import * as store from '../store/provider.ts'
import { assertKnown, readMemberOf, readResources, readTraits, readUuid, refuseUnknown } from './query.ts'

/** The version from which the list takes each argument. */
const since: Record<string, number> = {
  name: 1000,
  uuid: 1000,
  member_of: 1003,
  resources: 1004,
  in_tree: 1014,
  required: 1018,
}

export async function listProviders(context: PlacementContext, query: Query): Promise<Provider[]> {
  const { db } = context.app
  const version = context.version ?? 0
  refuseUnknown(query, since, version)
  const one = <T>(name: string, read: (value: string) => T) => {
    const value = query.get(name)
    return value === undefined ? undefined : read(value)
  }
  const uuid = one('uuid', (value) => readUuid('uuid', value))
  const inTree = one('in_tree', (value) => readUuid('in_tree', value))
  const resources = one('resources', readResources) ?? []
  const traits = readTraits(query.all('required'), version)
  const aggregates = readMemberOf(query.all('member_of'), version)
  await assertKnown(
    context,
    resources.map(([name]) => name),
    [...traits.required.flat(), ...traits.forbidden],
  )
  let rootUuid: string | undefined
  if (inTree !== undefined) {
    const member = await store.findProvider(db, inTree)
    if (!member) return []
    rootUuid = member.rootUuid
  }
  return store.searchProviders(db, {
    uuid,
    name: query.get('name'),
    rootUuid,
    resources,
    ...traits,
    ...aggregates,
  })
}
