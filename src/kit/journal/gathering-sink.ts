// Many journals before one sink that takes few large batches better than many small ones: a thousand hosts in one process.
import type { World } from '../world/world.ts'
import type { JournalEvent } from './journal.ts'
import type { JournalSink } from './store.ts'

/** A batch waits `gatherMs` for others. Each who appended is answered when the batch with his events was taken or failed. */
export function gatheringSink(
  { timers }: Pick<World, 'timers'>,
  inner: JournalSink,
  gatherMs: number,
): JournalSink {
  let events: JournalEvent[] = []
  let taking: Promise<void> | undefined
  const writing = new Set<Promise<void>>()
  const take = async () => {
    await timers.sleep(gatherMs, { background: true })
    const batch = events
    events = []
    taking = undefined
    await inner.append(batch)
  }
  const begin = () => {
    const work = take()
    const done = () => void writing.delete(work)
    work.then(done, done)
    writing.add(work)
    return work
  }
  return {
    append(given) {
      for (const event of given) events.push(event)
      taking ??= begin()
      return taking
    },
    async close() {
      // What failed was told to those who gave it.
      await Promise.allSettled(writing)
      await inner.close()
    },
  }
}
