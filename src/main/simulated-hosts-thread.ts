// What a controller of many simulated hosts has beside it in a thread of its own, so that each has a core: the hosts, the
// message broker, and the journal's file. The hosts' agents reach the controller as agents of another process do; what only
// the simulation asks of them, and what the journal is given, goes over a message port.
import { Worker } from 'node:worker_threads'
import type { JournalStore } from '#kit/journal/store.ts'
import type { Log } from '#kit/log/log.ts'
import { brokerOver } from './broker-port.ts'
import type { CloudBroker, CloudBrokerPlan } from './cloud-broker.ts'
import type { Cloud, DataFolder } from './data-folder.ts'
import type { SimulatedHosts } from './simulated-hosts.ts'
import { openThread } from './thread-port.ts'

export type HostsThreadPlan = { cloud: Cloud }
/** `end` names what ends it, where anything does. */
export type StruckThere = { subject: string; end?: number }

export type HostsThread = {
  readonly hosts: SimulatedHosts
  readonly journal: JournalStore
  openBroker(plan: CloudBrokerPlan): Promise<CloudBroker>
  /** As simulation/restartable-broker.ts has them. */
  killBroker(): Promise<void>
  startBroker(): Promise<void>
  /** When all of it was closed. */
  end(): Promise<void>
}

export async function hostsThread(cloud: Cloud, log: Log): Promise<HostsThread> {
  const workerData: HostsThreadPlan = { cloud }
  const worker = new Worker(new URL('./simulated-hosts-thread-entry.ts', import.meta.url), {
    workerData,
    name: 'hosts',
  })
  const thread = openThread(worker, log, 'the simulated hosts')
  const { ask } = thread
  await thread.whole(ask('open'))
  return {
    hosts: {
      start: () => ask('start'),
      async strike(wish) {
        const { subject, end } = await ask<StruckThere>('strike', wish)
        return { subject, ...(end !== undefined && { end: () => ask('endStrike', end) }) }
      },
      async still(work) {
        const gate = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
        const asked = ask('stand', gate)
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
      close: () => ask('closeHosts'),
    },
    journal: {
      append: (events) => ask('append', events),
      query: (query) => ask('query', query),
      close: () => ask('closeJournal'),
    },
    openBroker: (plan) => brokerOver(thread, brokerSocket(cloud.folder), plan),
    killBroker: () => ask('killBroker'),
    startBroker: () => ask('startBroker'),
    end: () => thread.end(),
  }
}

/** Where the controller's own connection comes in. */
export function brokerSocket({ run }: DataFolder): string {
  return `${run}/broker.sock`
}

/** What is in the gate before which the thread stands. */
export const gates = { open: 0, shut: 1, over: 2 } as const
