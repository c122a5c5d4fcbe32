// The L2 agent of a host: wires its ports as the network service wants them, and sends the heart-beat.
// Boot, restart, lost message and daily life take the same path: a turn of the reconciler.
import { agentTypes, l2Agent, networkPlugin } from '#contracts/network-agent.ts'
import type { PrepareOptions, WiringDriver } from '#drivers/wiring/load.ts'
import type { Bus } from '#kit/bus/bus.ts'
import type { Journal } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import { type Agent, startAgent } from '#kit/loop/agent.ts'
import type { World } from '#kit/world/world.ts'
import type { NetworkAgentConfig } from './config.ts'
import { openReconciler } from './reconcile.ts'
import { openWiringShare, type WiringShare } from './share.ts'

export { type NetworkAgentConfig, networkAgentConfig } from './config.ts'
export { openWiringShare, type WiringShare } from './share.ts'

export type NetworkAgentParts = {
  world: World
  log: Log
  journal: Journal
  bus: Bus
  host: string
  /** Of its loops, as a loop has it. */
  phase?: number | undefined
  driver: WiringDriver
  networks: PrepareOptions
  /** The user who runs guests and so opens their taps. */
  guestUid: number
  /** With the other hosts of this process, where there are any. */
  share?: WiringShare
  config: NetworkAgentConfig
}

/** Once it has stopped, the wiring is as it was. The driver stays open: who opened it closes it. */
export async function startNetworkAgent(parts: NetworkAgentParts): Promise<Agent> {
  const { world, bus, host, driver, guestUid, config } = parts
  const log = parts.log.with({ agent: 'l2', host })
  const service = agentTypes.l2.binary
  const journal = parts.journal.as(service)
  const plugin = bus.caller(networkPlugin, service)

  const { l2Population, arpResponder } = config
  const { tunnel } = parts.networks
  await driver.prepare({
    ...parts.networks,
    ...(tunnel && { tunnel: { ...tunnel, l2Population, arpResponder } }),
  })

  const share = parts.share ?? openWiringShare()
  const pace = {
    name: 'network',
    turnEvery: config.reconcileInterval,
    reportEvery: config.reportInterval,
    phase: parts.phase,
  }
  return startAgent(world, log, journal, pace, (turns) => {
    const reconciler = openReconciler({ world, log, journal, plugin, host, driver, guestUid, share })
    let verifiedAt = world.clock.monotonic()
    return {
      async turn(trace) {
        const verify = world.clock.monotonic() - verifiedAt >= config.verifyInterval
        const done = await reconciler.turn(trace, verify)
        if (verify) verifiedAt = world.clock.monotonic()
        return done
      },
      report: (startedAt, options) =>
        plugin.agentReport(
          {
            host,
            ...agentTypes.l2,
            topic: 'N/A',
            availabilityZone: config.availabilityZone,
            configurations: configurations(driver, config, reconciler.portCount),
            startedAt,
          },
          options,
        ),
      forgetReports: reconciler.forgetReports,
      serve: () =>
        bus.serve(l2Agent, host, service, {
          async wiringChanged(_params, { trace }) {
            turns.nudge(trace)
            return undefined
          },
        }),
      // A device whose link goes up or down is wired all the same, and DHCP's and routers' programs are their agents'.
      watch: () =>
        driver.events(({ kind }) => {
          if (kind !== 'changed' && kind !== 'ended') turns.nudge()
        }),
    }
  })
}

/** What `network agent show` prints; the network service reads tunneling_ip and bridge_mappings from it. */
function configurations(
  driver: WiringDriver,
  { l2Population, arpResponder }: NetworkAgentConfig,
  devices: number,
): Record<string, unknown> {
  const info = driver.info()
  return {
    bridge_mappings: info.bridgeMappings,
    tunnel_types: info.tunnelTypes,
    ...(info.tunnelIp === undefined ? {} : { tunneling_ip: info.tunnelIp }),
    datapath_type: info.datapath,
    devices,
    integration_bridge: 'br-int',
    l2_population: l2Population,
    arp_responder_enabled: l2Population && arpResponder,
    in_distributed_mode: false,
    extensions: [],
  }
}
