// A journal in memory: tests and simulated clouds.
import type { JournalEvent } from './journal.ts'
import { type JournalStore, matches } from './store.ts'

export function memorySink(options: { maxEvents?: number } = {}): JournalStore & {
  readonly events: readonly JournalEvent[]
} {
  const maxEvents = options.maxEvents ?? 200_000
  const kept = new Map<string, JournalEvent>()
  return {
    get events() {
      return [...kept.values()]
    },
    append(events) {
      for (const event of events) if (!kept.has(event.id)) kept.set(event.id, event)
      for (const id of kept.keys()) {
        if (kept.size <= maxEvents) break
        kept.delete(id)
      }
    },
    async query(query) {
      // The sort is stable: events of one instant stay in the order in which they came.
      const found = [...kept.values()].filter((event) => matches(event, query)).sort((a, b) => a.at - b.at)
      return query.newest ? found.slice(-query.limit) : found.slice(0, query.limit)
    },
    close() {},
  }
}
