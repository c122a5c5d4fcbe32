// The traits of providers as they were last read. Hosts have dozens, mostly the same, and they hardly ever change; each
// change raises the provider's generation, which every reader has at hand, so that what is kept can't be old.
import type { Db } from '#kit/db/database.ts'
import { listTraits, type Place } from '../store/candidate.ts'

export type TraitSet = ReadonlySet<string>
export type SeenTraits = { of(db: Db, places: readonly Place[]): Promise<Map<string, TraitSet>> }

/** Providers that are remembered; beyond it all are forgotten, as those of another cloud's size would be. */
const most = 50_000
const noTrait: TraitSet = new Set()

export function seenTraits(): SeenTraits {
  const seen = new Map<string, { edition: string; traits: TraitSet }>()
  /** By their names: providers with the same traits share one set. */
  const sets = new Map<string, TraitSet>()
  const setOf = (names: readonly string[]) => {
    const key = names.join()
    const known = sets.get(key)
    if (known) return known
    const made: TraitSet = new Set(names)
    sets.set(key, made)
    return made
  }
  return {
    async of(db, places) {
      const missing = places.filter(({ uuid, edition }) => seen.get(uuid)?.edition !== edition)
      if (seen.size + missing.length > most) {
        seen.clear()
        sets.clear()
      }
      const read = await listTraits(
        db,
        missing.map(({ uuid }) => uuid),
      )
      const fresh = new Map<string, TraitSet>()
      for (const { uuid, edition } of missing) {
        const names = read.get(uuid)
        const traits = names ? setOf(names) : noTrait
        fresh.set(uuid, traits)
        seen.set(uuid, { edition, traits })
      }
      return new Map(places.map(({ uuid }) => [uuid, fresh.get(uuid) ?? seen.get(uuid)?.traits ?? noTrait]))
    },
  }
}
