// What the parts of placement share; wired in service.ts.
import type { Database } from '#kit/db/database.ts'
import { type Context, routeOf } from '#kit/http/route.ts'
import type { Enforcer } from '#kit/policy/policy.ts'
import type { World } from '#kit/world/world.ts'
import type { PlacementConfig } from './config.ts'
import type { SeenProviders } from './ops/seen-provider.ts'

export type Placement = {
  readonly world: World
  readonly db: Database
  readonly policy: Enforcer
  readonly config: PlacementConfig
  readonly providers: SeenProviders
}

export type PlacementContext = Context<Placement>
export const route = routeOf<Placement>()
