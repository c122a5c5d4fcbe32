// Where something fits. The database says which trees may have what is asked for, and `candidate-tree.ts` combines what is
// in each of them; trees are looked at in pieces, so that the work goes with what is wanted and not with what is there.
import type { Db } from '#kit/db/database.ts'
import type { Placement, PlacementContext } from '../app.ts'
import * as store from '../store/candidate.ts'
import { findProvider } from '../store/provider.ts'
import type { CandidateQuery, Group } from './candidate-query.ts'
import { type Candidate, combine, hasRoom, isRight, type Node, type Tree } from './candidate-tree.ts'
import { assertKnown } from './query.ts'

export type { Candidate } from './candidate-tree.ts'
export type Candidates = {
  candidates: Candidate[]
  /** What the candidates are made of; from 1.29 on with all of their trees. */
  providers: Node[]
}

const treesSince = 1029
/** Trees at a time, at least: fewer would ask the database too often. */
const smallestPiece = 64

export async function findCandidates(context: PlacementContext, query: CandidateQuery): Promise<Candidates> {
  const { db, config, world } = context.app
  await assertKnown(
    context,
    query.groups.flatMap((group) => group.resources.map(([name]) => name)),
    [...query.groups, query.root].flatMap((wish) => [...wish.required.flat(), ...wish.forbidden]),
  )
  const nested = (context.version ?? 0) >= treesSince
  const limit = Math.min(query.limit ?? config.maxAllocationCandidates, config.maxAllocationCandidates)
  const inRoots = await rootsOf(db, query.groups)
  if (!inRoots) return { candidates: [], providers: [] }
  const sharing = await loadSharing(context.app)
  const needs = needsOf(query, sharing, inRoots)
  const withAggregates =
    sharing.length > 0 || query.groups.some((group) => group.memberOf.length + group.notMemberOf.length > 0)

  const candidates: Candidate[] = []
  const seen = new Set<string>()
  const members = new Map<string, Node[]>(byRoot(sharing.flatMap(({ tree }) => tree)))
  const keep = (candidate: Candidate) => {
    if (!nested && isNested(candidate)) return
    // What is all shared comes again with each tree that shares it.
    if (sharing.length > 0) {
      const key = keyOf(candidate)
      if (seen.has(key)) return
      seen.add(key)
    }
    candidates.push(candidate)
  }

  // Whoever asks for a few shall not always get the same ones: we begin anywhere, and go around.
  const pivot = world.random.uuid()
  for (const range of [{ from: pivot }, { before: pivot }] as { from?: string; before?: string }[]) {
    let { from } = range
    while (candidates.length < limit) {
      const size = Math.max(limit - candidates.length, smallestPiece)
      const roots = await store.findRoots(db, needs, query.root, { ...range, from }, size)
      const trees = await loadTrees(context.app, roots, sharing, withAggregates)
      for (const tree of trees) members.set(tree.root.uuid, tree.nodes)
      takeInTurn(
        trees.map((tree) => combine(query, tree, inRoots)),
        (candidate) => {
          keep(candidate)
          return candidates.length < limit
        },
      )
      if (roots.length < size) break
      // The next id after the last one, in the order of texts.
      from = `${roots.at(-1)!}0`
    }
  }
  return { candidates, providers: nested ? treesOf(candidates, members) : giversOf(candidates) }
}

/** One of each in turn, until `take` says false: a tree with very many ways doesn't push the others out. */
function takeInTurn<T>(sources: Iterator<T>[], take: (item: T) => boolean): void {
  let open = sources
  while (open.length > 0) {
    const still: Iterator<T>[] = []
    for (const source of open) {
      const { value, done } = source.next()
      if (done) continue
      if (!take(value)) return
      still.push(source)
    }
    open = still
  }
}

const isNested = ({ givers }: Candidate) => new Set(givers.map((node) => node.rootUuid)).size < givers.length

function keyOf({ allocations, mappings }: Candidate): string {
  const sorted = (entries: [string, unknown][]) => entries.sort(([a], [b]) => (a < b ? -1 : 1))
  const amounts = sorted([...allocations].map(([uuid, each]) => [uuid, sorted(Object.entries(each))]))
  return JSON.stringify([
    amounts,
    sorted(Object.entries(mappings).map(([name, uuids]) => [name, uuids.sort()])),
  ])
}

function giversOf(candidates: Candidate[]): Node[] {
  return [...new Map(candidates.flatMap(({ givers }) => givers).map((node) => [node.uuid, node])).values()]
}

function treesOf(candidates: Candidate[], members: Map<string, Node[]>): Node[] {
  const roots = new Set<string>()
  for (const { givers } of candidates) for (const node of givers) roots.add(node.rootUuid)
  return [...roots].flatMap((root) => members.get(root) ?? [])
}

/** The tree that each group asked for; undefined where one of them isn't there, as nothing can be found then. */
async function rootsOf(db: Db, groups: Group[]): Promise<Map<Group, string> | undefined> {
  const roots = new Map<Group, string>()
  for (const group of groups) {
    if (group.inTree === undefined) continue
    const provider = await findProvider(db, group.inTree)
    if (!provider) return undefined
    roots.set(group, provider.rootUuid)
  }
  return roots
}

/** What a tree must have to be looked at. What can't be said of its members one by one is left to the search. */
function needsOf(query: CandidateQuery, sharing: Sharing[], inRoots: Map<Group, string>): store.Need[] {
  const nodes = sharing.map(({ node }) => node)
  const aggregatesOf = (lenders: Node[]) => [...new Set(lenders.flatMap((node) => node.aggregates))]
  return query.groups.flatMap((group): store.Need[] => {
    const { resources, required, forbidden, memberOf, notMemberOf } = group
    const inRoot = inRoots.get(group)
    if (group.suffix !== '') {
      const lenders = nodes.filter(
        (node) => hasRoom(node, resources) && isRight(group, node) && (!inRoot || node.rootUuid === inRoot),
      )
      const sharedIn = aggregatesOf(lenders)
      return [{ resources, required, forbidden, memberOf, notMemberOf, rootCounts: false, inRoot, sharedIn }]
    }
    const loose = { forbidden, memberOf, notMemberOf, rootCounts: true, inRoot }
    const classes = resources.map((each) => {
      const lenders = inRoot === undefined ? nodes.filter((node) => hasRoom(node, [each])) : []
      return { ...loose, resources: [each], required: [], sharedIn: aggregatesOf(lenders) }
    })
    // A lender may have the trait that the tree itself lacks.
    const traits = nodes.length > 0 ? [] : required
    return [
      ...classes,
      ...traits.map((choice) => ({ ...loose, resources: [], required: [choice], sharedIn: [] })),
    ]
  })
}

type Sharing = { node: Node; tree: Node[] }

async function loadSharing(app: Placement): Promise<Sharing[]> {
  const lenders = await store.listSharing(app.db)
  if (lenders.length === 0) return []
  const nodes = await loadNodes(app, [...new Set(lenders.map(({ rootUuid }) => rootUuid))], true)
  const trees = byRoot(nodes)
  return lenders.flatMap(({ uuid }) => {
    const node = nodes.find((each) => each.uuid === uuid)
    return node ? [{ node, tree: trees.get(node.rootUuid)! }] : []
  })
}

async function loadTrees(
  app: Placement,
  roots: string[],
  sharing: Sharing[],
  withAggregates: boolean,
): Promise<Tree[]> {
  const trees = byRoot(await loadNodes(app, roots, withAggregates))
  return [...trees].flatMap(([rootUuid, nodes]) => {
    const root = nodes.find((node) => node.uuid === rootUuid)
    if (!root) return []
    const within = sharing.length > 0 ? new Set(nodes.flatMap((node) => node.aggregates)) : undefined
    const lent = sharing
      .map(({ node }) => node)
      .filter((node) => node.rootUuid !== rootUuid && node.aggregates.some((each) => within?.has(each)))
    return [{ root, nodes, sharing: lent }]
  })
}

const none: readonly string[] = []
const noRoom: Node['room'] = new Map()

async function loadNodes(app: Placement, roots: string[], withAggregates: boolean): Promise<Node[]> {
  if (roots.length === 0) return []
  const { db } = app
  const places = await store.listTrees(db, roots)
  const uuids = places.map(({ uuid }) => uuid)
  const room = await store.listRoom(db, uuids)
  const traits = await app.traits.of(db, places)
  const aggregates = withAggregates ? await store.listAggregates(db, uuids) : undefined
  return places.map(({ uuid, rootUuid, parentUuid }) => ({
    uuid,
    rootUuid,
    parentUuid,
    room: room.get(uuid) ?? noRoom,
    traits: traits.get(uuid)!,
    aggregates: aggregates?.get(uuid) ?? none,
  }))
}

function byRoot(nodes: Node[]): Map<string, Node[]> {
  const trees = new Map<string, Node[]>()
  for (const node of nodes) {
    const tree = trees.get(node.rootUuid)
    if (tree) tree.push(node)
    else trees.set(node.rootUuid, [node])
  }
  return trees
}
