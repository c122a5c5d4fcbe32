// The journal tells one story.
import type { JournalEvent } from '#kit/journal/journal.ts'
import type { Facts, Invariant } from './fact.ts'

export const journal: Invariant = {
  name: 'journal',
  says: 'No span ends twice, each request has one answer, and nothing lasts a negative time.',
  *check(facts: Facts) {
    const spans = new Map<string, JournalEvent>()
    for (const event of facts.events) {
      if ((event.durationMs ?? 0) < 0) yield `${event.name} of ${event.service} lasted ${event.durationMs} ms`
      if (event.kind !== 'request') continue
      const before = spans.get(event.spanId)
      if (before) yield `span ${event.spanId} was ended by ${before.name} and by ${event.name}`
      spans.set(event.spanId, event)
      if (event.outcome === 'error' && Number(event.data?.status) === 500)
        yield `${event.name} of ${event.service} was answered 500: ${event.error}`
    }
  },
}
