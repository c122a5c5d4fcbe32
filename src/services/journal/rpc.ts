// Takes in what hosts recorded. A host's events are kept under its own name, whatever they say.
import { journalContract } from '#contracts/journal.ts'
import type { Bus, Served } from '#kit/bus/bus.ts'
import type { JournalStore } from '#kit/journal/store.ts'

export function serveJournal(bus: Bus, host: string, store: JournalStore): Promise<Served> {
  return bus.serve(journalContract, host, 'journal', {
    async append({ host: from, events }) {
      await store.append(events.map((event) => ({ ...event, host: from })))
    },
  })
}
