// The L3 agent of a host: a namespace for each router with its devices, routes and NAT. All of it goes on without the
// agent, which takes over what it finds.
import { agentTypes, l3Agent, networkPlugin } from '#contracts/network-agent.ts'
import type { WiringDriver } from '#drivers/wiring/load.ts'
import type { Bus } from '#kit/bus/bus.ts'
import type { Journal } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import { type Agent, startAgent } from '#kit/loop/agent.ts'
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
  /** Of its loops, as a loop has it. */
  phase?: number | undefined
  driver: WiringDriver
  /** This host's part of the data folder; its files are in neutron/ below it. */
  folder: string
  /** Of the metadata agent on this host. */
  socketPath: string
  config: L3AgentConfig
}

/** Once it has stopped, routers go on forwarding. */
export async function startL3Agent(parts: L3AgentParts): Promise<Agent> {
  const { world, bus, host, driver, config } = parts
  const log = parts.log.with({ agent: 'l3', host })
  const service = agentTypes.l3.binary
  const journal = parts.journal.as(service)
  const plugin = bus.caller(networkPlugin, service)

  const pace = {
    name: 'l3',
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
      folder: parts.folder,
      socketPath: parts.socketPath,
      ended: () => turns.soon(),
    })
    return {
      turn: reconciler.turn,
      report: (startedAt, options) =>
        plugin.agentReport(
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
        ),
      forgetReports: reconciler.forgetReports,
      serve: () =>
        bus.serve(l3Agent, host, service, {
          async routerChanged(_params, { trace }) {
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
