// Which ports the last changes of a set concerned, by the set's version: what a host that knows an older version is told.
// In this process alone: where a version is missing, because another controller made it or this one started later, the
// host is told the whole set.
import type { Raised } from '../store/wiring.ts'

/**
 * Versions remembered of one set: of a group to which twenty ports come in a second, those of some minutes. Whoever is
 * further behind is told all of it.
 */
const mostVersions = 4096
/** Sets remembered; of others all is told. */
const mostSets = 20_000
/** More ports than that are no news any more: the whole set is read as fast. */
const mostPorts = 4096

export type Recent = {
  /** In the transaction that raised it, `raised` undefined where the set is gone. */
  note(id: string, raised: Raised | undefined, portIds: ReadonlySet<string>): void
  /** The ports to look at for whoever knows `from` and is to know `to`; undefined where all are. */
  since(id: string, from: number, to: number): string[] | undefined
}

type Step = { from: number; portIds: ReadonlySet<string> }

export function openRecent(): Recent {
  /** Each set's steps by the version that they lead to. */
  const sets = new Map<string, Map<number, Step>>()
  return {
    note(id, raised, portIds) {
      const steps = sets.get(id) ?? new Map<number, Step>()
      // Last again: the set that was noted longest ago is forgotten first.
      sets.delete(id)
      if (!raised) return
      sets.set(id, steps)
      if (sets.size > mostSets) sets.delete(sets.keys().next().value!)
      // Of a transaction that failed, the step to the same version was never taken; ports too many are told as they are.
      const failed = steps.get(raised.to)?.portIds ?? new Set()
      steps.set(raised.to, { from: raised.from, portIds: portIds.union(failed) })
      if (steps.size > mostVersions) steps.delete(steps.keys().next().value!)
    },
    since(id, from, to) {
      const steps = sets.get(id)
      const ports = new Set<string>()
      for (let at = to; at !== from; ) {
        const step = steps?.get(at)
        if (step === undefined || step.from < from) return undefined
        for (const portId of step.portIds) ports.add(portId)
        at = step.from
      }
      return ports.size > mostPorts ? undefined : [...ports]
    },
  }
}
