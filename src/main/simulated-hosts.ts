// All hosts of a simulated cloud with what joins them, in this thread: simulated-cloud.ts has them beside the controller, and
// in a cloud of many hosts simulated-hosts-thread.ts in a thread of their own.
import { openWiringShare } from '#agents/network/index.ts'
import { simFabric } from '#drivers/wiring/load.ts'
import { openBus } from '#kit/bus/client.ts'
import type { HttpClient } from '#kit/http/client.ts'
import { type JournalSink, openJournal } from '#kit/journal/store.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import type { Ongoing } from '#services/simulation/app.ts'
import type { FaultWish } from '#services/simulation/resources/fault.ts'
import type { BusAccess } from './controller-access.ts'
import type { Cloud } from './data-folder.ts'
import type { HostPlan } from './host.ts'
import { simulatedHosts } from './host-kind.ts'
import { hostNetworks } from './host-network.ts'
import type { AgentConfig } from './section.ts'
import { type SimulatedHostPlan, simulatedHost } from './simulated-host.ts'
import { freeGuests, type HostTarget, strikeHosts } from './simulation/strike.ts'

export type SimulatedHosts = {
  /** The agents of all; guests are freed of what faults of an earlier process did to them. */
  start(): Promise<void>
  /** With a fault of a kind that strikes hosts, links or guests. */
  strike(wish: FaultWish): Promise<Ongoing>
  /** What they hold in memory is put down in files, and nothing of them moves until `work` has returned. */
  still<T>(work: () => T): Promise<T>
  /** Agents stop in order, and all is put down in files, to be opened again. */
  close(): Promise<void>
}

/** How the agents reach their controller. */
export type HostsLine = Pick<HostPlan, 'endpoint' | 'serviceToken'> & {
  http: HttpClient
  bus: BusAccess
  /** Of all hosts: their closing it is nothing, and whoever gave it closes what is behind. */
  sink: JournalSink
}

export type HostsPlan = {
  log: Log
  config: AgentConfig
  line: HostsLine
}

export async function hostsHere(
  world: World,
  cloud: Cloud,
  { log, config, line }: HostsPlan,
): Promise<SimulatedHosts> {
  const { folder, settings, secrets } = cloud
  const { bus } = line
  const openLine: SimulatedHostPlan['openLine'] = async ({ world, log, name, client, connect }) => {
    const journal = openJournal({ world, log, host: name, service: 'agent', sink: line.sink })
    const hostBus = await openBus({
      world,
      log: log.with({ agent: 'bus', host: name }),
      journal,
      connect: () => connect(bus.connectBus),
      user: bus.busUser,
      password: bus.busPassword,
      vhost: bus.busVhost,
      limited: !bus.busShared,
      durableQueueType: bus.busQueueType,
      name: `agent@${name}`,
    })
    return {
      bus: hostBus,
      http: client(line.http),
      journal,
      async close() {
        await hostBus.close()
        await journal.close()
      },
    }
  }
  const fabric = simFabric()
  const common = {
    networks: await hostNetworks(world, settings, config.agent),
    metadataSecret: secrets['metadata-signing'],
    endpoint: line.endpoint,
    serviceToken: line.serviceToken,
    config,
    share: openWiringShare(),
    openLine,
  }
  const hosts: HostTarget['hosts'] = new Map(
    simulatedHosts(settings).map((spec, index, { length }) => {
      const machine = { ...spec, folder: `${folder.root}/hosts/${spec.name}`, fabric }
      // Hosts of a real cloud started when they did; these all now, and would all report within the same second for ever.
      const phase = (index + 1) / length
      return [spec.name, simulatedHost(world, log, { ...common, machine, phase })] as const
    }),
  )
  const all = [...hosts.values()]
  return {
    async start() {
      await Promise.all(all.map((host) => host.startAgent()))
      freeGuests(hosts)
    },
    strike: (wish) => strikeHosts({ hosts, fabric }, wish),
    async still(work) {
      await Promise.all(all.map((host) => host.machine.flush()))
      return work()
    },
    async close() {
      await Promise.all(all.map((host) => host.close()))
    },
  }
}
