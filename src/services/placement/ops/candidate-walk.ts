// Trees of providers, in pieces: from a random one on and around, as who asks for a few shall not always get the same ones.
import type { Placement } from '../app.ts'
import * as store from '../store/candidate.ts'
import type { Node, Tree } from './candidate-tree.ts'

/** A provider that lends what it has, and its own tree. */
export type Sharing = { node: Node; tree: Node[] }

/** Providers of a piece: with fewer the database would be asked too often, with more others would wait for long. */
const smallestPiece = 64
const largestPiece = 4096

/**
 * All trees, or the one of which `only` is the root. `wanted` is how many providers whoever looks at them would like to see
 * next, asked before each piece.
 */
export async function* walkTrees(
  app: Placement,
  sharing: readonly Sharing[],
  only: string | undefined,
  wanted: () => number,
): AsyncGenerator<Tree[]> {
  const { db, world } = app
  const pivot = world.random.uuid()
  if (only !== undefined) {
    yield treesOf(await app.providers.of(db, await store.listTrees(db, [only])), sharing)
    return
  }
  for (const { start, upTo } of [{ start: pivot }, { start: '', upTo: pivot }]) {
    let after = start
    let least = smallestPiece
    for (let ended = false; !ended; ) {
      // One more than wanted: the last tree is not looked at, as it may go on beyond the piece.
      const count = Math.max(Math.min(wanted() + 1, largestPiece), least)
      const places = await store.listPlaces(db, { after, upTo }, count)
      ended = places.length < count
      const cut = places.at(-1)?.rootUuid
      const whole = ended ? places : places.filter(({ rootUuid }) => rootUuid !== cut)
      if (!ended && whole.length === 0) {
        least = count * 4
        continue
      }
      yield treesOf(await app.providers.of(db, whole), sharing)
      after = whole.at(-1)?.rootUuid ?? after
    }
  }
}

export async function loadSharing({ db, providers }: Placement): Promise<Sharing[]> {
  const lenders = await store.listSharing(db)
  if (lenders.length === 0) return []
  const roots = [...new Set(lenders.map(({ rootUuid }) => rootUuid))]
  const trees = new Map(
    treesOf(await providers.of(db, await store.listTrees(db, roots)), []).map((tree) => [
      tree.root.uuid,
      tree.nodes,
    ]),
  )
  return lenders.flatMap(({ uuid, rootUuid }) => {
    const tree = trees.get(rootUuid)
    const node = tree?.find((each) => each.uuid === uuid)
    return tree && node ? [{ node, tree }] : []
  })
}

/** `nodes` in the order of their roots. What stands in a tree without a root is being moved. */
function treesOf(nodes: readonly Node[], sharing: readonly Sharing[]): Tree[] {
  const trees: Tree[] = []
  for (let from = 0; from < nodes.length; ) {
    const { rootUuid } = nodes[from]!
    let to = from + 1
    while (nodes[to]?.rootUuid === rootUuid) to++
    const members = nodes.slice(from, to)
    const root = members.find((node) => node.uuid === rootUuid)
    if (root) trees.push({ root, nodes: members, sharing: lentTo(rootUuid, members, sharing) })
    from = to
  }
  return trees
}

const nothing: Node[] = []

function lentTo(rootUuid: string, members: readonly Node[], sharing: readonly Sharing[]): Node[] {
  if (sharing.length === 0) return nothing
  const within = new Set(members.flatMap((node) => node.aggregates))
  return sharing
    .map(({ node }) => node)
    .filter((node) => node.rootUuid !== rootUuid && node.aggregates.some((each) => within.has(each)))
}
