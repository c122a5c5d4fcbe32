// For a broker whose messages live as long as its process: nothing is written, everything is safe at once.
import type { Clock } from '#kit/world/world.ts'
import { Segments } from './segments.ts'
import type { Store } from './store.ts'

export function memoryStore(clock: Clock): Store {
  let queueId = 0
  const nothing = () => {}
  const owner = {
    clock,
    read: () => 0,
    dirty: nothing,
    acked: nothing,
    sealed: nothing,
    sparse: nothing,
    freed: nothing,
    spill: nothing,
    damaged: nothing,
  }
  const segments = new Segments(owner, Number.POSITIVE_INFINITY)
  return {
    segments,
    recovered: { exchanges: [], queues: [], bindings: [] },
    isBehind: false,
    whenCaughtUp: nothing,
    nextQueueId: () => ++queueId,
    record: nothing,
    // No queue outlives the process, so all messages are of the other kind.
    place: (message, holders) => segments.place(message, holders, []),
    restore: async () => {},
    given: 0,
    safe: 0,
    whenSafe: (_count, action) => action(),
    async close() {},
  }
}
