// The other end of simulated-hosts-thread.ts: opens journal, broker and hosts, and does with them what it is asked.
import { parentPort, workerData } from 'node:worker_threads'
import { gatheringSink } from '#kit/journal/gathering-sink.ts'
import type { JournalEvent } from '#kit/journal/journal.ts'
import { type JournalQuery, type JournalSink, type JournalStore, openJournal } from '#kit/journal/store.ts'
import { openLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import { unsyncedFiles } from '#kit/world/unsynced-files.ts'
import type { World } from '#kit/world/world.ts'
import type { Ongoing } from '#services/simulation/app.ts'
import type { FaultWish } from '#services/simulation/resources/fault.ts'
import { brokerHere } from './broker-here.ts'
import { brokerMethods } from './broker-port.ts'
import type { CloudBroker } from './cloud-broker.ts'
import { openJournalStore } from './controller.ts'
import { ownAccess } from './controller-access.ts'
import { cloudConfig } from './section.ts'
import { hostsHere, type SimulatedHosts } from './simulated-hosts.ts'
import { brokerSocket, gates, type HostsThreadPlan, type StruckThere } from './simulated-hosts-thread.ts'
import { restartableBroker } from './simulation/restartable-broker.ts'
import { openThreadPort } from './thread-port.ts'

/** Longest that an event waits for others: each commit costs as much as fifty events. */
const gatherMs = 100

const { cloud } = workerData as HostsThreadPlan
const real = realWorld()
const world: World = { ...real, files: unsyncedFiles(real.files, real.random) }
const log = openLog({ level: cloud.settings.logLevel })
const strikes = new Map<number, Ongoing>()
let lastStrike = 0
let store: JournalStore
let sink: JournalSink
let hosts: SimulatedHosts
let closeLine: () => Promise<void>
const restartable = restartableBroker(brokerHere)
let broker: CloudBroker | undefined

openThreadPort(parentPort!, log, 'the simulated hosts', {
  async open() {
    store = await openJournalStore(world, cloud, 'OFF')
    sink = gatheringSink(world, store, gatherMs)
    const config = cloudConfig(world, cloud)
    const access = await ownAccess(world, cloud)
    const ours: JournalSink = { append: (events) => sink.append(events), close() {} }
    const journal = openJournal({ world, log, host: access.host, service: 'agent', sink: ours })
    const { endpoint, http } = access
    // No socket is needed within a thread; where the broker is not ours, or is down, its port is asked.
    const connectBus = () => broker?.connect() ?? access.connectBus()
    const line = {
      http,
      endpoint,
      bus: { ...access, connectBus },
      sink: ours,
      // One login for all: each may cost a fifth of a second of hashing on purpose.
      serviceToken: access.serviceToken({ journal }),
    }
    hosts = await hostsHere(world, cloud, { log, config, line })
    closeLine = async () => {
      await journal.close()
      http.close()
    }
  },
  start: () => hosts.start(),
  async strike(wish: FaultWish): Promise<StruckThere> {
    const ongoing = await hosts.strike(wish)
    if (!ongoing.end) return { subject: ongoing.subject }
    strikes.set(++lastStrike, ongoing)
    return { subject: ongoing.subject, end: lastStrike }
  },
  async endStrike(id: number) {
    await strikes.get(id)?.end?.()
    strikes.delete(id)
  },
  stand: (gate: Int32Array<SharedArrayBuffer>) =>
    hosts.still(() => {
      Atomics.store(gate, 0, gates.shut)
      Atomics.notify(gate, 0)
      Atomics.wait(gate, 0, gates.shut)
    }),
  async closeHosts() {
    await hosts.close()
    await closeLine()
  },

  append: (events: readonly JournalEvent[]) => sink.append(events),
  query: (query: JournalQuery) => store.query(query),
  closeJournal: () => sink.close(),

  ...brokerMethods(brokerSocket(cloud.folder), async (order) => {
    const opened = await restartable.open({ world, log: log.with({ service: 'broker' }), ...order })
    broker = opened
    return {
      ...opened,
      async close() {
        broker = undefined
        await opened.close()
      },
    }
  }),
  killBroker: () => restartable.kill(),
  startBroker: () => restartable.start(),
})
