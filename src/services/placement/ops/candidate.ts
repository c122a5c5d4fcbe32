// Where something fits. Trees of providers are looked at one after the other (`candidate-walk.ts`), and `candidate-tree.ts`
// combines what is in each of them, until there are as many candidates as wanted.
import type { Db } from '#kit/db/database.ts'
import type { PlacementContext } from '../app.ts'
import { findProvider } from '../store/provider.ts'
import type { CandidateQuery, Group } from './candidate-query.ts'
import { type Candidate, combiner, type Node } from './candidate-tree.ts'
import { loadSharing, walkTrees } from './candidate-walk.ts'
import { assertKnown } from './query.ts'

export type { Candidate, Node } from './candidate-tree.ts'
export type Candidates = {
  candidates: Candidate[]
  /** What the candidates are made of; from 1.29 on with all of their trees. */
  providers: Node[]
}

const treesSince = 1029

export async function findCandidates(context: PlacementContext, query: CandidateQuery): Promise<Candidates> {
  const { app } = context
  await assertKnown(
    context,
    query.groups.flatMap((group) => group.resources.map(([name]) => name)),
    [...query.groups, query.root].flatMap((wish) => [...wish.required.flat(), ...wish.forbidden]),
  )
  const nested = (context.version ?? 0) >= treesSince
  const most = app.config.maxAllocationCandidates
  const limit = Math.min(query.limit ?? most, most)
  const inRoots = await rootsOf(app.db, query.groups)
  if (!inRoots) return { candidates: [], providers: [] }
  const sharing = await loadSharing(app)

  const candidates: Candidate[] = []
  const seen = new Set<string>()
  const members = new Map<string, Node[]>(sharing.map(({ node, tree }) => [node.rootUuid, tree]))
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

  const combine = combiner(query, inRoots)
  let looked = 0
  /** As if the providers to come gave as many candidates as those before. */
  const wanted = () => {
    const perCandidate = looked === 0 ? 1 : looked / candidates.length
    return Math.ceil((limit - candidates.length) * perCandidate)
  }
  for await (const trees of walkTrees(app, sharing, onlyRoot(inRoots, sharing.length > 0), wanted)) {
    const sources: Iterator<Candidate>[] = []
    for (const tree of trees) {
      looked += tree.nodes.length
      const ways = combine(tree)
      if (!ways) continue
      members.set(tree.root.uuid, tree.nodes)
      sources.push(ways)
    }
    takeInTurn(sources, (candidate) => {
      keep(candidate)
      return candidates.length < limit
    })
    if (candidates.length >= limit) break
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

/**
 * The root of the only tree that can have an answer. A group with a suffix may be served by the tree that it asked for on
 * behalf of another one, with which that shares.
 */
function onlyRoot(inRoots: ReadonlyMap<Group, string>, shared: boolean): string | undefined {
  for (const [group, root] of inRoots) if (!shared || group.suffix === '') return root
  return undefined
}
