// A journal in memory: tests and simulated clouds. What is asked for most is found without a look at all the rest.
import type { JournalEvent } from './journal.ts'
import { type JournalQuery, type JournalStore, matches } from './store.ts'

const indexed = ['traceId', 'subject', 'name'] as const

export function memorySink(options: { maxEvents?: number } = {}): JournalStore & {
  readonly events: readonly JournalEvent[]
} {
  const maxEvents = options.maxEvents ?? 200_000
  const kept = new Map<string, JournalEvent>()
  /** In the order in which they came, as all lists here. */
  const lists = new Map<string, JournalEvent[]>()

  const append = (event: JournalEvent) => {
    if (kept.has(event.id)) return
    kept.set(event.id, event)
    for (const key of keysOf(event)) {
      const list = lists.get(key)
      if (list) list.push(event)
      else lists.set(key, [event])
    }
  }
  const forget = (event: JournalEvent) => {
    kept.delete(event.id)
    for (const key of keysOf(event)) {
      const list = lists.get(key)
      list?.shift()
      if (list?.length === 0) lists.delete(key)
    }
  }
  /** All that may answer the query. */
  const candidates = ({ id, traceId, subject, names }: JournalQuery): Iterable<JournalEvent> => {
    if (id !== undefined) {
      const event = kept.get(id)
      return event ? [event] : []
    }
    if (traceId !== undefined) return lists.get(`traceId ${traceId}`) ?? []
    if (subject !== undefined) return lists.get(`subject ${subject}`) ?? []
    if (names?.length === 1) return lists.get(`name ${names[0]}`) ?? []
    return kept.values()
  }
  return {
    get events() {
      return [...kept.values()]
    },
    append(events) {
      for (const event of events) append(event)
      for (const event of kept.values()) {
        if (kept.size <= maxEvents) break
        forget(event)
      }
    },
    async query(query) {
      const found: JournalEvent[] = []
      for (const event of candidates(query)) if (matches(event, query)) found.push(event)
      // The sort is stable: events of one instant stay in the order in which they came.
      found.sort((a, b) => a.at - b.at)
      return query.newest ? found.slice(-query.limit) : found.slice(0, query.limit)
    },
    close() {},
  }
}

function keysOf(event: JournalEvent): string[] {
  return indexed.flatMap((column) => (event[column] === undefined ? [] : [`${column} ${event[column]}`]))
}
