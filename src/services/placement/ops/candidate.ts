// Where something fits: for each tree of providers, the ways in which its members can meet the groups asked for.
// Which providers have room is one query per resource class; combining them is arithmetic over that small set.

import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Placement, PlacementContext } from '../app.ts'
import type { Inventory, Provider } from '../resources/provider.ts'
import { isStandardClass, isStandardTrait } from '../resources/vocabulary.ts'
import * as store from '../store/provider.ts'
import * as vocabulary from '../store/vocabulary.ts'
import type { CandidateQuery, Group } from './candidate-query.ts'

/** One way to meet the whole question: per provider, the amount of each class. */
export type Candidate = Map<string, Record<string, number>>
export type Candidates = {
  candidates: Candidate[]
  providers: Provider[]
  inventories: Map<string, Inventory[]>
  traits: Map<string, string[]>
}

type Room = Map<string, Inventory>
/** One provider's part in a candidate. */
type Part = { provider: Provider; group: Group; resourceClass: string; amount: number }

export async function findCandidates(context: PlacementContext, query: CandidateQuery): Promise<Candidates> {
  const { db, config } = context.app
  await assertKnown(db, query)
  const limit = Math.min(query.limit ?? config.maxAllocationCandidates, config.maxAllocationCandidates)
  const sample = await sampleOf(context.app, query, limit)
  if (sample) {
    const found = await candidatesAmong(db, query, limit, sample)
    // Traits or aggregates may have left few of them, while others would do.
    if (found.length === limit) return describe(db, found)
  }
  return describe(db, await candidatesAmong(db, query, limit))
}

/**
 * Where far more providers could give it all by themselves than are asked for, some of these at random: whoever asks for
 * a few shall not always get the same ones, and the rest need not be looked at.
 */
async function sampleOf(
  { db, world }: Placement,
  { groups }: CandidateQuery,
  limit: number,
): Promise<string[] | undefined> {
  const [group, ...more] = groups
  if (!group || more.length > 0 || group.resources.length === 0) return undefined
  const uuids = await store.providersWithRoomForAll(db, group.resources)
  if (uuids.length <= limit) return undefined
  for (let place = 0; place < limit; place++) {
    const other = world.random.int(place, uuids.length)
    ;[uuids[place], uuids[other]] = [uuids[other]!, uuids[place]!]
  }
  return uuids.slice(0, limit)
}

async function candidatesAmong(
  db: Db,
  query: CandidateQuery,
  limit: number,
  among?: readonly string[],
): Promise<Candidate[]> {
  const room = await roomByClass(db, query, among)
  const uuids = [...new Set([...room.values()].flatMap((byProvider) => [...byProvider.keys()]))]
  const providers = new Map((await store.listProviders(db, { uuids })).map((each) => [each.uuid, each]))
  const allowed = await filterOf(db, query, uuids, providers)

  const trees = new Map<string, Provider[]>()
  for (const provider of providers.values()) {
    const tree = trees.get(provider.rootUuid)
    if (tree) tree.push(provider)
    else trees.set(provider.rootUuid, [provider])
  }
  const found: Candidate[] = []
  for (const tree of trees.values()) {
    for (const candidate of combine(query, tree, room, allowed)) {
      found.push(candidate)
      if (found.length === limit) return found
    }
  }
  return found
}

/** For each class and amount asked for, the providers that have it; keyed 'VCPU:2'. */
async function roomByClass(
  db: Db,
  query: CandidateQuery,
  among: readonly string[] | undefined,
): Promise<Map<string, Room>> {
  const room = new Map<string, Room>()
  for (const group of query.groups) {
    for (const [resourceClass, amount] of group.resources) {
      const key = `${resourceClass}:${amount}`
      if (room.has(key)) continue
      const rows = await store.providersWithRoom(db, resourceClass, amount, among)
      room.set(key, new Map(rows.map((row) => [row.providerUuid, row])))
    }
  }
  return room
}

type Allowed = {
  /** May this provider give anything to the group? */
  provider(group: Group, provider: Provider): boolean
  traitsOf(uuid: string): readonly string[]
}

async function filterOf(
  db: Db,
  query: CandidateQuery,
  uuids: string[],
  providers: Map<string, Provider>,
): Promise<Allowed> {
  const wantsTraits = query.groups.some((group) => group.required.length + group.forbidden.length > 0)
  const traits = wantsTraits ? await store.listTraitsOf(db, uuids) : new Map<string, string[]>()
  const members = new Map<string[], Set<string>>()
  for (const group of query.groups)
    for (const choice of group.memberOf) members.set(choice, await store.providersInAggregates(db, choice))
  const traitsOf = (uuid: string) => traits.get(uuid) ?? []
  return {
    traitsOf,
    provider(group, provider) {
      const own = traitsOf(provider.uuid)
      if (group.forbidden.some((name) => own.includes(name))) return false
      // A tree is in an aggregate when its root is.
      const root = providers.get(provider.rootUuid)?.uuid ?? provider.rootUuid
      return group.memberOf.every(
        (choice) => members.get(choice)!.has(provider.uuid) || members.get(choice)!.has(root),
      )
    },
  }
}

function* combine(
  query: CandidateQuery,
  tree: Provider[],
  room: Map<string, Room>,
  allowed: Allowed,
): Generator<Candidate> {
  const choices: Part[][][] = []
  for (const group of query.groups) {
    const usable = tree.filter((provider) => allowed.provider(group, provider))
    const ways =
      group.suffix === '' ? spread(group, usable, room, allowed) : single(group, usable, room, allowed)
    if (ways.length === 0) return
    choices.push(ways)
  }
  for (const parts of product(choices)) {
    const flat = parts.flat()
    if (query.isolate && !isolated(flat)) continue
    const candidate = sum(flat)
    if (fits(candidate, room)) yield candidate
  }
}

/** All of a numbered group comes from one provider that has every trait asked for. */
function single(group: Group, usable: Provider[], room: Map<string, Room>, allowed: Allowed): Part[][] {
  return usable
    .filter((provider) => group.required.every((name) => allowed.traitsOf(provider.uuid).includes(name)))
    .filter((provider) =>
      group.resources.every(([name, amount]) => room.get(`${name}:${amount}`)!.has(provider.uuid)),
    )
    .map((provider) =>
      group.resources.map(([resourceClass, amount]) => ({ provider, group, resourceClass, amount })),
    )
}

/** The group without a number may be spread over the tree; its traits are met by the givers together. */
function spread(group: Group, usable: Provider[], room: Map<string, Room>, allowed: Allowed): Part[][] {
  const perClass = group.resources.map(([resourceClass, amount]) => {
    const having = room.get(`${resourceClass}:${amount}`)!
    return usable
      .filter((provider) => having.has(provider.uuid))
      .map((provider) => ({ provider, group, resourceClass, amount }))
  })
  return [...product(perClass)].filter((parts) =>
    group.required.every((name) =>
      parts.some(({ provider }) => allowed.traitsOf(provider.uuid).includes(name)),
    ),
  )
}

function* product<T>(lists: T[][]): Generator<T[]> {
  if (lists.length === 0) {
    yield []
    return
  }
  const [first, ...rest] = lists
  for (const item of first!) for (const tail of product(rest)) yield [item, ...tail]
}

function isolated(parts: Part[]): boolean {
  const givers = new Map<string, string>()
  for (const { provider, group } of parts) {
    if (group.suffix === '') continue
    const other = givers.get(provider.uuid)
    if (other !== undefined && other !== group.suffix) return false
    givers.set(provider.uuid, group.suffix)
  }
  return true
}

function sum(parts: Part[]): Candidate {
  const candidate: Candidate = new Map()
  for (const { provider, resourceClass, amount } of parts) {
    const resources = candidate.get(provider.uuid) ?? {}
    resources[resourceClass] = (resources[resourceClass] ?? 0) + amount
    candidate.set(provider.uuid, resources)
  }
  return candidate
}

/** Two groups on one provider need room for both. */
function fits(candidate: Candidate, room: Map<string, Room>): boolean {
  for (const [uuid, resources] of candidate) {
    for (const [resourceClass, amount] of Object.entries(resources)) {
      if (room.has(`${resourceClass}:${amount}`)) continue
      const inventory = [...room]
        .find(([key, rows]) => key.startsWith(`${resourceClass}:`) && rows.has(uuid))?.[1]
        .get(uuid)
      if (!inventory || inventory.used + amount > inventory.capacity || amount > inventory.maxUnit)
        return false
    }
  }
  return true
}

async function describe(db: Db, candidates: Candidate[]): Promise<Candidates> {
  const givers = [...new Set(candidates.flatMap((candidate) => [...candidate.keys()]))]
  const providers = givers.length === 0 ? [] : await store.listProviders(db, { uuids: givers })
  const inventories = new Map<string, Inventory[]>()
  for (const row of givers.length === 0 ? [] : await store.listInventories(db, givers)) {
    const list = inventories.get(row.providerUuid)
    if (list) list.push(row)
    else inventories.set(row.providerUuid, [row])
  }
  return { candidates, providers, inventories, traits: await store.listTraitsOf(db, givers) }
}

async function assertKnown(db: Db, query: CandidateQuery): Promise<void> {
  for (const group of query.groups) {
    for (const [name] of group.resources) {
      if (!isStandardClass(name) && !(await vocabulary.findClass(db, name))) {
        throw new CloudError(
          'badRequest',
          `Invalid resource class in resources parameter: No such resource class ${name}.`,
        )
      }
    }
    for (const name of [...group.required, ...group.forbidden]) {
      if (!isStandardTrait(name) && !(await vocabulary.findTrait(db, name))) {
        throw new CloudError(
          'badRequest',
          `Invalid trait(s) in 'required' parameter: No such trait(s): ${name}.`,
        )
      }
    }
  }
}
