// One host's agents on its drivers, real or simulated: what the agent's process runs, and a simulated cloud many times.
import { type ComputeAgent, startComputeAgent } from '#agents/compute/index.ts'
import { startDhcpAgent } from '#agents/dhcp/index.ts'
import { startL3Agent } from '#agents/l3/index.ts'
import { metadataSocket, startMetadataAgent } from '#agents/metadata/index.ts'
import { startNetworkAgent, type WiringShare } from '#agents/network/index.ts'
import { startVolumeAgent } from '#agents/volume/index.ts'
import type { VirtDriver } from '#drivers/virt/load.ts'
import type { VolumeDriver } from '#drivers/volume/load.ts'
import type { PrepareOptions, WiringDriver } from '#drivers/wiring/load.ts'
import type { Bus } from '#kit/bus/bus.ts'
import type { HttpClient } from '#kit/http/client.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import type { ListenTls, World } from '#kit/world/world.ts'
import type { AgentConfig } from './section.ts'

export type HostPlan = {
  world: World
  log: Log
  journal: Journal
  bus: Bus
  http: HttpClient
  /** This host's name in the cloud. */
  host: string
  virt: VirtDriver
  wiring: WiringDriver
  volume: VolumeDriver
  networks: PrepareOptions
  /** This host's part of the data folder. */
  folder: string
  /** What metadata requests are signed with. */
  metadataSecret: string
  /** Where a service type listens, as seen from this host. */
  endpoint: (type: 'image' | 'network' | 'volume' | 'metadata') => string
  /** A token of service user nova. */
  serviceToken: (trace: Trace) => Promise<string>
  /** Of the doors to guests' screens, on a host whose console proxy is elsewhere. */
  consoleTls?: () => Promise<ListenTls>
  /** With the other hosts of this process, where there are any: made anew when they all start again. */
  share?: WiringShare
  /** Of the agents' loops, as a loop has it: hosts that start at the same moment don't all look and report at the same. */
  phase?: number | undefined
  config: AgentConfig
}

export type Host = { readonly compute: ComputeAgent; stop(): Promise<void> }

export async function startHost(plan: HostPlan): Promise<Host> {
  const { world, log, journal, bus, host, virt, wiring, config } = plan
  const { guestUid } = await virt.info()
  const common = { world, log, journal, bus, host, phase: plan.phase }
  const network = await startNetworkAgent({
    ...common,
    driver: wiring,
    networks: plan.networks,
    guestUid: guestUid ?? 0,
    share: plan.share,
    config: config.networkAgent,
  })
  const volume = await startVolumeAgent({
    ...common,
    driver: plan.volume,
    http: plan.http,
    endpoint: plan.endpoint,
    serviceToken: plan.serviceToken,
  })
  const metadata = await startMetadataAgent({
    ...common,
    http: plan.http,
    endpoint: plan.endpoint,
    folder: plan.folder,
    secret: plan.metadataSecret,
    config: config.metadataAgent,
  })
  const socketPath = metadataSocket(plan.folder, config.metadataAgent)
  const dhcp = await startDhcpAgent({
    ...common,
    driver: wiring,
    folder: plan.folder,
    socketPath,
    config: config.dhcpAgent,
  })
  const l3 = await startL3Agent({
    ...common,
    driver: wiring,
    folder: plan.folder,
    socketPath,
    config: config.l3Agent,
  })
  const compute = await startComputeAgent({
    ...common,
    driver: virt,
    http: plan.http,
    endpoint: plan.endpoint,
    serviceToken: plan.serviceToken,
    consoleTls: plan.consoleTls,
    config: config.computeAgent,
  })
  const agents = [network, volume, metadata, dhcp, l3, compute]
  return {
    compute,
    async stop() {
      for (const agent of agents.toReversed()) await agent.stop()
      await virt.close()
      await wiring.close()
    },
  }
}
