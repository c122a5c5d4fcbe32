// Counts work in flight, for the virtual world's settle().
import { type Place, placeHere } from './place.ts'
import type { Activity } from './world.ts'

/** `begun` is where each work in flight began, where `placed` asks to know. */
export type OpenActivity = Activity & { readonly begun: Iterable<Place> }

export function openActivity({ placed = false } = {}): OpenActivity {
  let count = 0
  const begun = new Set<Place>()
  let outside = 0
  let over = Promise.withResolvers<void>()
  const begin = () => {
    count++
    const place = placed ? placeHere() : undefined
    if (place) begun.add(place)
    let open = true
    return () => {
      if (open) count--
      open = false
      if (place) begun.delete(place)
    }
  }
  const waitFor = async <T>(work: Promise<T>): Promise<T> => {
    outside++
    try {
      return await work
    } finally {
      if (--outside === 0) {
        over.resolve()
        over = Promise.withResolvers()
      }
    }
  }
  return {
    get count() {
      return count
    },
    begun,
    begin,
    async track(work) {
      const end = begin()
      try {
        return await work
      } finally {
        end()
      }
    },
    outside: waitFor,
    pauseOutside: (ms) => waitFor(new Promise((resolve) => setTimeout(resolve, ms))),
    outsideOver: () => (outside === 0 ? undefined : over.promise),
  }
}
