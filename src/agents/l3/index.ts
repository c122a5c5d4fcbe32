// The L3 agent of a host: a namespace for each router with its devices, routes and NAT. All of it goes on without the
// agent, which takes over what it finds.
import { agentTypes, l3Agent, networkPlugin } from '#contracts/network-agent.ts'
import type { WiringDriver } from '#drivers/wiring/load.ts'
import type { Bus } from '#kit/bus/bus.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import { startReports } from '#kit/loop/report.ts'
import { startTurns } from '#kit/loop/turns.ts'
import type { World } from '#kit/world/world.ts'
import type { L3AgentConfig } from './config.ts'
import { openReconciler } from './reconcile.ts'

export { type L3AgentConfig, l3AgentConfig } from './config.ts'

export type L3AgentParts = {
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
  config: L3AgentConfig
}

export type L3Agent = {
  /** Look again soon; `trace` is the work that asks for it. */
  nudge(trace?: Trace): void
  /** Routers go on forwarding. */
  stop(): Promise<void>
}

export async function startL3Agent(parts: L3AgentParts): Promise<L3Agent> {
  const { world, bus, host, driver, config } = parts
  const log = parts.log.with({ agent: 'l3', host })
  const service = agentTypes.l3.binary
  const journal = parts.journal.as(service)
  const plugin = bus.caller(networkPlugin, service)

  const reconciler = openReconciler({
    world,
    log,
    journal,
    plugin,
    host,
    driver,
    config,
    folder: parts.folder,
    socketPath: parts.socketPath,
    ended: () => turns.soon(),
  })
  const turns = startTurns(world, log, journal, {
    name: 'l3',
    everyMs: config.reconcileInterval,
    turn: (trace) => reconciler.turn(trace),
  })
  const report = startReports(world, log, journal, {
    name: 'l3-report',
    everyMs: config.reportInterval,
    async send(startedAt, options) {
      const { status } = await plugin.agentReport(
        {
          host,
          ...agentTypes.l3,
          topic: l3Agent.topic,
          availabilityZone: config.availabilityZone,
          configurations: {
            agent_mode: 'legacy',
            handle_internal_only_routers: true,
            interface_driver: driver.info().driver,
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
  const served = await bus.serve(l3Agent, host, service, {
    async routerChanged(_params, incoming) {
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
