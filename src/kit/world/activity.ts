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
    async outside(work) {
      outside++
      try {
        return await work
      } finally {
        if (--outside === 0) {
          over.resolve()
          over = Promise.withResolvers()
        }
      }
    },
    outsideOver: () => (outside === 0 ? undefined : over.promise),
  }
}
