// Wires network: database, policy, routes, loops, the plugin's side of the bus.
import { dhcpAgent, l2Agent, l3Agent, networkPlugin } from '#contracts/network-agent.ts'
import { migrate } from '#kit/db/migrate.ts'
import { openDatabase } from '#kit/db/open.ts'
import type { Authenticate, HttpService } from '#kit/http/server.ts'
import { startLoop } from '#kit/loop/loop.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { openApi } from '#kit/service/api.ts'
import type { Platform, RunningService } from '#kit/service/platform.ts'
import { allRoutes } from './api/index.ts'
import type { NetworkApp } from './app.ts'
import type { NetworkConfig } from './config.ts'
import { networkFaults } from './fault.ts'
import { dhcpScheduling } from './loops/dhcp-schedule.ts'
import { type EventPeers, eventDelivery } from './loops/event-delivery.ts'
import { routerScheduling } from './loops/router-schedule.ts'
import { openRecent } from './ops/recent.ts'
import { openSpread } from './ops/spread.ts'
import { allRules } from './resources/rule.ts'
import { networkHandlers } from './rpc.ts'
import { first } from './store/migrations/0001-first.ts'
import { wiringVersions } from './store/migrations/0002-wiring-version.ts'

export type RunningNetwork = RunningService & { app: NetworkApp; http: HttpService }

export async function openNetwork(
  platform: Platform,
  config: NetworkConfig,
  authenticate: Authenticate,
  peers: EventPeers,
): Promise<RunningNetwork> {
  const { world, bus } = platform
  const name = 'neutron-server'
  const log = platform.log.with({ service: name })
  const journal = platform.journal.as(name)
  const db = await openDatabase(world, platform.databaseUrl('network'))
  await migrate(world, db, [first, ...wiringVersions])
  const policy = openPolicy({
    rules: allRules,
    refusal: (rule) => `rule:${rule} is disallowed by policy`,
  })
  const app: NetworkApp = {
    world,
    log,
    journal,
    db,
    policy,
    config,
    bus,
    l2Agents: bus.caller(l2Agent, name),
    dhcpAgents: bus.caller(dhcpAgent, name),
    l3Agents: bus.caller(l3Agent, name),
    nextAddress: new Map(),
    recent: openRecent(),
    spread: (news) => spreading.tell(news),
    nudgeEvents: () => events.nudge(),
  }
  const spreading = openSpread(app)
  const events = startLoop(world, log, eventDelivery(app, peers))
  const loops = [
    events,
    startLoop(world, log, dhcpScheduling(app)),
    startLoop(world, log, routerScheduling(app)),
  ]
  const served = await bus.serve(networkPlugin, world.host.name, name, networkHandlers(app))
  const http = await openApi(platform, {
    name,
    app,
    routes: allRoutes,
    types: ['network'],
    prefixes: ['/v2.0'],
    faults: networkFaults,
    policy,
    authenticate,
    jsonSuffix: true,
  })
  return {
    name: 'network',
    app,
    http,
    async stop() {
      await http.close()
      await served.stop()
      await spreading.stop()
      for (const each of loops) await each.stop()
      await db.close()
    },
  }
}
