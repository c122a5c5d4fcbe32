// Providers with all that they have, as they were last read. Whatever changes about a provider gives it another state, in the
// same transaction; every question reads the states of those whom it looks at, so that what is kept is never old, whoever
// has changed it.
import type { Db } from '#kit/db/database.ts'
import { listAggregates, listStocks, listTraits, type Place } from '../store/candidate.ts'
import type { Node } from './candidate-tree.ts'

export type SeenProviders = {
  /** In the order of `places`. Those that are gone or have moved to another tree meanwhile are left out. */
  of(db: Db, places: readonly Place[]): Promise<Node[]>
}

/** Providers that are remembered, about a kilobyte each; beyond it all are forgotten. */
const most = 50_000

export function seenProviders(): SeenProviders {
  const seen = new Map<string, { state: number; node: Node }>()
  /** By their names: providers with the same traits share one set. */
  const sets = new Map<string, ReadonlySet<string>>()
  const setOf = (names: readonly string[]) => {
    const key = names.join()
    let set = sets.get(key)
    if (!set) {
      set = new Set(names)
      sets.set(key, set)
    }
    return set
  }

  async function read(db: Db, uuids: readonly string[]): Promise<Map<string, Node>> {
    if (seen.size + uuids.length > most) {
      seen.clear()
      sets.clear()
    }
    const stocks = await listStocks(db, uuids)
    const traits = await listTraits(db, uuids)
    const aggregates = await listAggregates(db, uuids)
    const nodes = new Map<string, Node>()
    for (const [uuid, { rootUuid, parentUuid, room, state }] of stocks) {
      const has = traits.get(uuid)
      const isIn = aggregates.get(uuid)
      if (!has || !isIn) continue
      const node = { uuid, rootUuid, parentUuid, room, traits: setOf(has.names), aggregates: isIn.names }
      nodes.set(uuid, node)
      // What was changed between the statements is right for this question, and no state of the provider.
      if (has.state === state && isIn.state === state) seen.set(uuid, { state, node })
    }
    return nodes
  }

  return {
    async of(db, places) {
      const missing: string[] = []
      const kept = places.map(({ uuid, state }) => {
        const known = seen.get(uuid)
        if (known?.state === state) return known.node
        missing.push(uuid)
        return undefined
      })
      const fresh = missing.length > 0 ? await read(db, missing) : undefined
      const nodes: Node[] = []
      places.forEach(({ uuid, rootUuid }, index) => {
        const node = kept[index] ?? fresh?.get(uuid)
        if (node?.rootUuid === rootUuid) nodes.push(node)
      })
      return nodes
    },
  }
}
