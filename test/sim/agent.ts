// The agent's process of one host in a simulation: as src/main/agent.ts, on drivers whose state stays on the host when the
// process dies, behind a gate at which faults come in.
import { journalContract } from '#contracts/journal.ts'
import { loadVirtDriver, type SimVirtDriver } from '#drivers/virt/load.ts'
import { loadVolumeDriver, type VolumeDriver } from '#drivers/volume/load.ts'
import { loadWiringDriver, type SimWiring } from '#drivers/wiring/load.ts'
import { openBus } from '#kit/bus/client.ts'
import { connectToAny } from '#kit/bus/transport.ts'
import { httpClient } from '#kit/http/client.ts'
import { quiet } from '#kit/journal/journal.ts'
import { startShipping } from '#kit/journal/ship.ts'
import { fileSpoolSink } from '#kit/journal/spool-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import { hostUser } from '#main/bus-rights.ts'
import { startHost } from '#main/host.ts'
import type { Secrets } from '#main/secret.ts'
import type { SimMachine } from '#main/sim-machine.ts'
import { identityClient } from '#services/identity/client.ts'
import type { Gate } from './gate.ts'
import { config, dataRoot, endpoint, externalBroker, secrets } from './setup.ts'

export type RunningAgent = { virt: SimVirtDriver; wiring: SimWiring; volume: VolumeDriver }

export type AgentPlan = {
  world: World
  log: Log
  host: string
  /** Of the network between hosts: '10.9.0.3'. */
  tunnelIp: string
  /** What the agents work on; it outlives them. */
  hardware: SimMachine
  gate: Gate
}

export async function startAgent(plan: AgentPlan): Promise<RunningAgent> {
  const { world, log, host, hardware, gate } = plan
  const spool = `${dataRoot}/journal-spool`
  await world.files.makeFolder(spool)
  const sink = await fileSpoolSink(world, log, spool)
  const journal = openJournal({ world, log, host, service: 'agent', sink })
  const { transport } = externalBroker
  const bus = await openBus({
    world,
    log,
    journal,
    connect: connectToAny(world, transport),
    user: hostUser(host),
    password: `secret of ${host}`,
    vhost: transport.vhost,
    limited: true,
    name: `agent@${host}`,
  })
  startShipping({
    world,
    log,
    folder: spool,
    sink,
    async send(events) {
      const controller = bus.caller(journalContract, 'agent')
      await controller.append({ host, events }, { trace: quiet(journal.newTrace()) })
    },
  })
  const http = httpClient({ world })
  const servicePassword = (user: string) => secrets[user as keyof Secrets]
  const platform = { world, http, endpoint, servicePassword }
  const identity = identityClient({ platform, user: 'nova', journal: journal.as('nova-compute') })
  const machine = hardware.guests
  const virt = (await loadVirtDriver('sim', world, log, { folder: dataRoot, host, machine })) as SimVirtDriver
  const wiring = (await loadWiringDriver('sim', world, log, { fabric: hardware.fabric, host })) as SimWiring
  const volume = await loadVolumeDriver('sim', world, { folder: `${dataRoot}/volumes` })
  await startHost({
    world,
    log,
    journal,
    bus,
    http,
    host,
    virt: gate.guard('virt', virt),
    wiring: gate.guard('wiring', wiring),
    volume: gate.guard('volume', volume),
    networks: {
      physicalNetworks: { physnet1: { bridge: 'br-ex', uplink: 'eth1' } },
      tunnel: { localIp: plan.tunnelIp, types: ['vxlan', 'gre'] },
    },
    endpoint,
    serviceToken: identity.serviceToken,
    folder: dataRoot,
    metadataSecret: secrets['metadata-signing'],
    config,
  })
  return { virt, wiring, volume }
}
