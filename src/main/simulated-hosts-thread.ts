// The hosts of a simulated cloud in a thread of their own: they and the controller have a core each. Their agents reach the
// controller as agents of another process do, over its ports; what only the simulation asks of them goes over a message port.
import { Worker } from 'node:worker_threads'
import type { JournalEvent } from '#kit/journal/journal.ts'
import type { JournalSink } from '#kit/journal/store.ts'
import type { Log } from '#kit/log/log.ts'
import type { Cloud } from './data-folder.ts'
import type { SimulatedHosts } from './simulated-hosts.ts'
import { openThread } from './thread-port.ts'

export type HostsThreadPlan = { cloud: Cloud; logLevel: string }
/** `end` names what ends it, where anything does. */
export type StruckThere = { subject: string; end?: number }

export async function hostsThread(
  cloud: Cloud,
  log: Log,
  sink: Pick<JournalSink, 'append'>,
): Promise<SimulatedHosts> {
  const workerData: HostsThreadPlan = { cloud, logLevel: cloud.settings.logLevel }
  const worker = new Worker(new URL('./simulated-hosts-thread-entry.ts', import.meta.url), {
    workerData,
    name: 'hosts',
  })
  const thread = await openThread(worker, log, 'the simulated hosts', {
    append: (events: JournalEvent[]) => sink.append(events),
  })
  return {
    start: () => thread.ask('start'),
    async strike(wish) {
      const { subject, end } = await thread.ask<StruckThere>('strike', wish)
      return { subject, ...(end !== undefined && { end: () => thread.ask('endStrike', end) }) }
    },
    async still(work) {
      const gate = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
      const asked = thread.ask('stand', gate)
      const standing = Atomics.waitAsync(gate, 0, gates.open)
      try {
        await Promise.race([asked, standing.value])
        return work()
      } finally {
        Atomics.store(gate, 0, gates.over)
        Atomics.notify(gate, 0)
        await asked
      }
    },
    async close() {
      await thread.ask('close')
      await thread.end()
    },
  }
}

/** What is in the gate before which the thread stands. */
export const gates = { open: 0, shut: 1, over: 2 } as const
