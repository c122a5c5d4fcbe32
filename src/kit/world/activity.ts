// Counts work in flight; `whenIdle` is for the virtual world's settle().
import type { Activity } from './world.ts'

export function openActivity(): Activity {
  let count = 0
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
  }
}
