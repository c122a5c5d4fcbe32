// Counts work in flight, for the virtual world's settle().
import type { Activity } from './world.ts'

export function openActivity(): Activity {
  let count = 0
  let outside = 0
  let over = Promise.withResolvers<void>()
  const begin = () => {
    count++
    let open = true
    return () => {
      if (open) count--
      open = false
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
