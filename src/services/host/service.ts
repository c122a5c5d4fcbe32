// Wires the host service: database, policy, routes, what hosts ask over the bus, and its loop.
import { migrate } from '#kit/db/migrate.ts'
import { openDatabase } from '#kit/db/open.ts'
import type { Authenticate, HttpService } from '#kit/http/server.ts'
import type { Trace } from '#kit/journal/journal.ts'
import { startLoop } from '#kit/loop/loop.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { openApi } from '#kit/service/api.ts'
import type { Platform, RunningService } from '#kit/service/platform.ts'
import { hostRoutes } from './api/host.ts'
import { joinTokenRoutes } from './api/join-token.ts'
import type { HostApp, HostSurroundings } from './app.ts'
import type { HostConfig } from './config.ts'
import { hostFaults } from './fault.ts'
import { hostRemoval } from './loops/host-removal.ts'
import { rememberMembers } from './ops/membership.ts'
import { openPeers } from './ops/peer.ts'
import { hostTokens } from './ops/service-token.ts'
import { serveHosts } from './rpc.ts'
import { hostRules } from './rule.ts'
import { first } from './store/migrations/0001-first.ts'

export type RunningHosts = RunningService & {
  app: HostApp
  http: HttpService
}

const name = 'nimbo-hosts'

export async function openHosts(
  platform: Platform,
  config: HostConfig,
  identity: { authenticate: Authenticate; serviceToken: (trace: Trace) => Promise<string> },
  around: HostSurroundings,
): Promise<RunningHosts> {
  const { world, http: client } = platform
  const log = platform.log.with({ service: name })
  const journal = platform.journal.as(name)
  const db = await openDatabase(world, platform.databaseUrl('hosts'))
  await migrate(world, db, [first])
  const { authenticate, serviceToken } = identity
  const peers = openPeers(platform, journal)
  const app: HostApp = { world, db, log, journal, http: client, config, around, peers, serviceToken }
  await rememberMembers(app)
  const removal = startLoop(world, log, hostRemoval(app))
  const served = await serveHosts(platform.bus, app, hostTokens(platform, app), () => removal.nudge())
  const http = await openApi(platform, {
    name,
    app,
    routes: [...hostRoutes, ...joinTokenRoutes],
    prefixes: ['/v1'],
    faults: hostFaults,
    policy: openPolicy({ rules: Object.values(hostRules) }),
    authenticate,
    types: ['hosts'],
  })
  return {
    name: 'hosts',
    app,
    http,
    async stop() {
      await removal.stop()
      await http.close()
      await served.stop()
      await db.close()
    },
  }
}
