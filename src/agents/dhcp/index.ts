// The DHCP agent of a host: for each network that has guests to give addresses to, a namespace with dnsmasq and the haproxy
// of its metadata. Both outlive the agent, which takes over what it finds.
import { agentTypes, dhcpAgent, networkPlugin } from '#contracts/network-agent.ts'
import type { WiringDriver } from '#drivers/wiring/load.ts'
import type { Bus } from '#kit/bus/bus.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import { startReports } from '#kit/loop/report.ts'
import { startTurns } from '#kit/loop/turns.ts'
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
  driver: WiringDriver
  /** This host's part of the data folder; its files are in neutron/ below it. */
  folder: string
  /** Of the metadata agent on this host. */
  socketPath: string
  config: DhcpAgentConfig
}

export type DhcpAgent = {
  /** Look again soon; `trace` is the work that asks for it. */
  nudge(trace?: Trace): void
  /** dnsmasq and haproxy go on. */
  stop(): Promise<void>
}

export async function startDhcpAgent(parts: DhcpAgentParts): Promise<DhcpAgent> {
  const { world, bus, host, driver, config } = parts
  const log = parts.log.with({ agent: 'dhcp', host })
  const service = agentTypes.dhcp.binary
  const journal = parts.journal.as(service)
  const plugin = bus.caller(networkPlugin, service)
  const places = placesIn(parts.folder)

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
    user: await dnsmasqUser(world, parts.folder),
    ended: () => turns.soon(),
  })
  const turns = startTurns(world, log, journal, {
    name: 'dhcp',
    everyMs: config.reconcileInterval,
    turn: (trace) => reconciler.turn(trace),
  })
  const report = startReports(world, log, journal, {
    name: 'dhcp-report',
    everyMs: config.reportInterval,
    async send(startedAt, options) {
      const { status } = await plugin.agentReport(
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
      )
      if (status !== 'new') return
      reconciler.forgetReports()
      turns.nudge()
    },
  })
  const served = await bus.serve(dhcpAgent, host, service, {
    async networkChanged(_params, incoming) {
      turns.nudge(incoming.trace)
      return undefined
    },
  })
  const quiet = driver.events(({ kind }) => {
    if (kind === 'reset') reconciler.forgetDevices()
    if (kind === 'reset' || kind === 'disappeared') turns.nudge()
    if (kind === 'ended') turns.soon()
  })
  report.nudge()
  turns.nudge()
  return {
    nudge: turns.nudge,
    async stop() {
      quiet()
      await served.stop()
      await turns.stop()
      await report.stop()
    },
  }
}
