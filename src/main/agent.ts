// The host agent's process: the real host's drivers, or, in a simulated cloud, all its hosts in one process.

import { openWiringShare } from '#agents/network/index.ts'
import { journalContract } from '#contracts/journal.ts'
import { loadVirtDriver } from '#drivers/virt/load.ts'
import { loadVolumeDriver } from '#drivers/volume/load.ts'
import { loadWiringDriver, simFabric, type WiringDriver } from '#drivers/wiring/load.ts'
import type { Bus } from '#kit/bus/bus.ts'
import { openBus } from '#kit/bus/client.ts'
import { type JournalEvent, quiet, type Trace } from '#kit/journal/journal.ts'
import { startShipping } from '#kit/journal/ship.ts'
import { fileSpoolSink } from '#kit/journal/spool-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import { type Log, openLog } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import { isLoopback } from './api.ts'
import { controllerAccess } from './controller-access.ts'
import { type Cloud, cloudId } from './data-folder.ts'
import { type Host, type HostPlan, startHost } from './host.ts'
import { type SimulatedHostSpec, simulatedHostsHere } from './host-kind.ts'
import { bridgeSuffix, hostNetworks } from './host-network.ts'
import { cloudConfig } from './section.ts'
import { openSimMachine } from './sim-machine.ts'
import { startOn } from './simulated-host.ts'

/** A connection has 2047 channels at most, and a host takes five. */
const hostsPerBus = 300

export async function runAgent(world: World, cloud: Cloud): Promise<{ stop(): Promise<void> }> {
  const { folder, settings } = cloud
  const log = openLog({ level: settings.logLevel })
  const config = cloudConfig(world, cloud)
  const access = await controllerAccess(world, cloud)
  const { host, http, endpoint } = access
  const spool = `${folder.root}/journal-spool`
  await world.files.makeFolder(spool)
  const sink = await fileSpoolSink(world, log, spool)
  const journal = openJournal({ world, log, host, service: 'agent', sink })
  const openHostBus = () =>
    openBus({
      world,
      log: log.with({ agent: 'bus' }),
      journal,
      connect: access.connectBus,
      user: access.busUser,
      password: access.busPassword,
      vhost: access.busVhost,
      limited: !access.busShared,
      durableQueueType: access.busQueueType,
      name: `agent@${host}`,
    })
  const bus = await openHostBus()
  const buses = [bus]
  const shipping = startShipping({
    world,
    log,
    folder: spool,
    sink,
    send: (events) => ship(bus, quiet(journal.newTrace()), host, events),
  })
  const overBus = { bus, journal, log }
  const kept = access.keep(overBus)
  const networks = await hostNetworks(world, cloud.settings, config.agent, access.controller)
  // The console proxy is on the controller's host: another one opens its doors where that can reach it.
  const { consoleAddress: given } = config.computeAgent
  const consoleAddress = (access.controller && isLoopback(given) && networks.tunnel?.localIp) || given
  const common = {
    world,
    log,
    journal,
    bus,
    http,
    endpoint,
    serviceToken: access.serviceToken(overBus),
    networks,
    metadataSecret: access.metadataSecret,
    consoleTls: access.consoleTls,
    config: { ...config, computeAgent: { ...config.computeAgent, consoleAddress } },
  }
  const simulated = settings.dataPlane === 'sim' ? simulatedHostsHere(cloud) : []
  while (buses.length * hostsPerBus < simulated.length) buses.push(await openHostBus())
  const hosts =
    settings.dataPlane === 'sim'
      ? await startSimulated(common, cloud, simulated, (index) => buses[Math.floor(index / hostsPerBus)]!)
      : [await realHost(common, cloud, host)]
  return {
    async stop() {
      // What waits for a bus that isn't there would be waited for until its own end.
      for (const each of buses) if (!each.connected) await each.close()
      for (const host of hosts) await host.stop()
      await kept.stop()
      await shipping.stop()
      for (const each of buses) await each.close()
      await journal.close()
      http.close()
    },
  }
}

/** Removes all that the drivers made on this host; both processes of the cloud are down. */
export async function destroyHost(world: World, cloud: Cloud): Promise<void> {
  if (cloud.settings.dataPlane === 'sim') return
  const log = openLog({ level: 'warn' })
  const virt = await openVirt(world, log, cloud)
  for (const guest of await virt.list()) await virt.destroy(guest.id)
  await virt.close()
  const wiring = await openWiring(world, log, cloud)
  await wiring.destroyAll()
  await wiring.close()
}

type Common = Omit<HostPlan, 'host' | 'folder' | 'virt' | 'wiring' | 'volume'>

async function realHost(common: Common, cloud: Cloud, host: string): Promise<Host> {
  const { world, log } = common
  const virt = await openVirt(world, log, cloud)
  const { guestUid } = await virt.info()
  return startHost({
    ...common,
    host,
    folder: cloud.folder.root,
    virt,
    wiring: await openWiring(world, log, cloud),
    volume: await loadVolumeDriver('file', world, { folder: `${cloud.folder.root}/volumes`, guestUid }),
  })
}

/** One process holds them all; each is a host of its own to the cloud. */
async function startSimulated(
  common: Common,
  cloud: Cloud,
  hosts: readonly SimulatedHostSpec[],
  busOf: (index: number) => Bus,
): Promise<Host[]> {
  const fabric = simFabric()
  const share = openWiringShare()
  return Promise.all(
    hosts.map(async (spec, index) => {
      const plan = { ...spec, folder: `${cloud.folder.root}/hosts/${spec.name}`, fabric }
      const machine = await openSimMachine(common.world, plan)
      const lines = { ...common, bus: busOf(index) }
      const host = await startOn({ ...plan, guests: machine.guests }, { ...common, share }, lines)
      return {
        ...host,
        async stop() {
          await host.stop()
          await machine.close()
        },
      }
    }),
  )
}

function openVirt(world: World, log: Log, cloud: Cloud) {
  return loadVirtDriver('qemu', world, log, {
    folder: `${cloud.folder.root}/instances`,
    host: cloud.member?.host ?? world.host.name,
    runFolder: `${cloud.folder.run}/guests`,
  })
}

async function openWiring(world: World, log: Log, cloud: Cloud): Promise<WiringDriver> {
  return loadWiringDriver('ovs', world, log, {
    cloudId: await cloudId(world, cloud.folder),
    dataFolder: cloud.folder.root,
    bridgeSuffix: bridgeSuffix(cloud.settings),
  })
}

async function ship(bus: Bus, trace: Trace, host: string, events: JournalEvent[]): Promise<void> {
  await bus.caller(journalContract, 'agent').append({ host, events }, { trace })
}
