// The other end of simulated-hosts-thread.ts: opens the hosts and does with them what it is asked.
import { parentPort, workerData } from 'node:worker_threads'
import { loadConfig } from '#kit/config/load.ts'
import { gatheringSink } from '#kit/journal/gathering-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import { openLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import { unsyncedFiles } from '#kit/world/unsynced-files.ts'
import type { World } from '#kit/world/world.ts'
import { identityClient } from '#services/identity/client.ts'
import type { Ongoing } from '#services/simulation/app.ts'
import type { FaultWish } from '#services/simulation/resources/fault.ts'
import { controllerAccess } from './controller-access.ts'
import type { Secrets } from './secret.ts'
import { agentSections, serviceSections } from './section.ts'
import { cloudSection } from './settings.ts'
import { hostsHere, type SimulatedHosts } from './simulated-hosts.ts'
import { gates, type HostsThreadPlan, type StruckThere } from './simulated-hosts-thread.ts'
import { openThreadPort } from './thread-port.ts'

const { cloud, logLevel } = workerData as HostsThreadPlan
const real = realWorld()
const world: World = { ...real, files: unsyncedFiles(real.files, real.random) }
const log = openLog({ level: logLevel })
const strikes = new Map<number, Ongoing>()
let lastStrike = 0
let hosts: SimulatedHosts
let closeLine: () => Promise<void>

const { ask } = openThreadPort(parentPort!, log, 'the simulated hosts', {
  async open() {
    const { folder } = cloud
    const config = loadConfig([cloudSection, ...serviceSections, ...agentSections], {
      yaml: cloud.configText,
      file: folder.config,
      env: world.env,
    })
    const access = await controllerAccess(world, cloud)
    const sink = gatheringSink(world, { append: (events) => ask('append', events), close() {} })
    const journal = openJournal({ world, log, host: access.host, service: 'agent', sink })
    const { endpoint, http } = access
    // One login for all: each may cost a fifth of a second of hashing on purpose.
    const nova = identityClient({
      platform: { world, http, endpoint, servicePassword: (user) => cloud.secrets[user as keyof Secrets] },
      user: 'nova',
      journal: journal.as('nova-compute'),
    })
    const line = { http, endpoint, bus: access, sink, serviceToken: nova.serviceToken }
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
  async close() {
    await hosts.close()
    await closeLine()
  },
})
