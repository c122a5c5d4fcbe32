// A journal whose audit is kept apart: what somebody changed must outlast the many events of what was only read.
import type { JournalStore } from './store.ts'

/** The audit answers queries for kind 'audit' alone, and everything else the others. */
export function withAudit(events: JournalStore, audit: JournalStore): JournalStore {
  return {
    async append(batch) {
      const audited = batch.filter((event) => event.kind === 'audit')
      if (audited.length === 0) return events.append(batch)
      // A batch that fails half-way comes again: events are known by their ids.
      await audit.append(audited)
      if (audited.length < batch.length) await events.append(batch.filter((event) => event.kind !== 'audit'))
    },
    query: (query) => (query.kinds?.includes('audit') ? audit : events).query(query),
    async close() {
      await events.close()
      await audit.close()
    },
  }
}
