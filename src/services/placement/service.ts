// Wires placement: database, policy, routes.
import { migrate } from '#kit/db/migrate.ts'
import { openDatabase } from '#kit/db/open.ts'
import type { Authenticate, HttpService } from '#kit/http/server.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { openApi } from '#kit/service/api.ts'
import type { Platform, RunningService } from '#kit/service/platform.ts'
import { admit } from './api/admit.ts'
import { allRoutes } from './api/index.ts'
import { microversions } from './api/version.ts'
import type { Placement } from './app.ts'
import type { PlacementConfig } from './config.ts'
import { placementFaults } from './fault.ts'
import { seenProviders } from './ops/seen-provider.ts'
import { placementRules } from './rule.ts'
import { first } from './store/migrations/0001-first.ts'
import { consumerType } from './store/migrations/0002-consumer-type.ts'
import { providerEdition } from './store/migrations/0003-provider-edition.ts'

export type RunningPlacement = RunningService & { app: Placement; http: HttpService }

export async function openPlacement(
  platform: Platform,
  config: PlacementConfig,
  authenticate: Authenticate,
): Promise<RunningPlacement> {
  const { world } = platform
  const db = await openDatabase(world, platform.databaseUrl('placement'))
  await migrate(world, db, [first, consumerType, providerEdition])
  const policy = openPolicy({ rules: placementRules })
  const app: Placement = { world, db, policy, config, providers: seenProviders() }
  const http = await openApi(platform, {
    name: 'placement-api',
    app,
    routes: allRoutes,
    types: ['placement'],
    prefixes: [''],
    faults: placementFaults,
    policy,
    authenticate,
    microversions,
    refuseMethods: true,
    admit,
  })
  return {
    name: 'placement',
    app,
    http,
    async stop() {
      await http.close()
      await db.close()
    },
  }
}
