// The DHCP agent of a host: for each network that has guests to give addresses to, a namespace with dnsmasq and the haproxy
// of its metadata. Both outlive the agent, which takes over what it finds.
import { agentTypes, dhcpAgent, networkPlugin } from '#contracts/network-agent.ts'
import type { WiringDriver } from '#drivers/wiring/load.ts'
import type { Bus } from '#kit/bus/bus.ts'
import type { Journal } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import { type Agent, startAgent } from '#kit/loop/agent.ts'
import type { World } from '#kit/world/world.ts'
import type { DhcpAgentConfig } from './config.ts'
import { dnsmasqUser, placesIn } from './place.ts'
import { openReconciler } from './reconcile.ts'

export { type DhcpAgentConfig, dhcpAgentConfig } from './config.ts'

export type DhcpAgentParts = {
  world: World
  log: Log
  journal: Journal
  bus: Bus
  host: string
  /** Of its loops, as a loop has it. */
  phase?: number | undefined
  driver: WiringDriver
  /** This host's part of the data folder; its files are in neutron/ below it. */
  folder: string
  /** Of the metadata agent on this host. */
  socketPath: string
  config: DhcpAgentConfig
}

/** Once it has stopped, dnsmasq and haproxy go on. */
export async function startDhcpAgent(parts: DhcpAgentParts): Promise<Agent> {
  const { world, bus, host, driver, config } = parts
  const log = parts.log.with({ agent: 'dhcp', host })
  const service = agentTypes.dhcp.binary
  const journal = parts.journal.as(service)
  const plugin = bus.caller(networkPlugin, service)
  const places = placesIn(parts.folder)
  const user = await dnsmasqUser(world, parts.folder)

  const pace = {
    name: 'dhcp',
    turnEvery: config.reconcileInterval,
    reportEvery: config.reportInterval,
    phase: parts.phase,
  }
  return startAgent(world, log, journal, pace, (turns) => {
    const reconciler = openReconciler({
      world,
      log,
      journal,
      plugin,
      host,
      driver,
      config,
      places,
      socketPath: parts.socketPath,
      user,
      ended: () => turns.soon(),
    })
    return {
      turn: reconciler.turn,
      report: (startedAt, options) =>
        plugin.agentReport(
          {
            host,
            ...agentTypes.dhcp,
            topic: dhcpAgent.topic,
            availabilityZone: config.availabilityZone,
            configurations: {
              dhcp_driver: 'dnsmasq',
              dhcp_lease_duration: config.dhcpLeaseDuration / 1000,
              log_agent_heartbeats: false,
              ...reconciler.counts,
            },
            startedAt,
          },
          options,
        ),
      forgetReports: reconciler.forgetReports,
      serve: () =>
        bus.serve(dhcpAgent, host, service, {
          async networkChanged(_params, { trace }) {
            turns.nudge(trace)
            return undefined
          },
        }),
      watch: () =>
        driver.events(({ kind }) => {
          if (kind === 'reset') reconciler.forgetDevices()
          if (kind === 'reset' || kind === 'disappeared') turns.nudge()
          if (kind === 'ended') turns.soon()
        }),
    }
  })
}
