// A journal that keeps its events in a list, for the tests of tasks. Only tests import this.
import { asError } from '../errors/cloud-error.ts'
import type { Journal, NewEvent, Trace } from '../journal/journal.ts'

export function recordingJournal(): { journal: Journal; events: NewEvent[] } {
  const events: NewEvent[] = []
  let spans = 0
  const childOf = (parent: Trace): Trace => ({
    traceId: parent.traceId,
    spanId: (++spans).toString(16).padStart(16, '0'),
    parentId: parent.spanId,
  })
  const journal: Journal = {
    record: (_, event) => void events.push(event),
    async span(parent, event, work) {
      try {
        const result = await work(childOf(parent))
        events.push({ ...event, outcome: 'ok' })
        return result
      } catch (error) {
        events.push({ ...event, outcome: 'error', error: asError(error).message })
        throw error
      }
    },
    newTrace: () => ({ traceId: '1'.repeat(32), spanId: '2'.repeat(16) }),
    childOf,
    as: () => journal,
    flush: async () => {},
  }
  return { journal, events }
}
