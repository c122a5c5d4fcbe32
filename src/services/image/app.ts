// What the parts of image share; wired in service.ts.
import type { ImageStore } from '#drivers/imagestore/load.ts'
import type { Bus } from '#kit/bus/bus.ts'
import type { Database } from '#kit/db/database.ts'
import type { Digester } from '#kit/digest/digest.ts'
import { type Context, routeOf } from '#kit/http/route.ts'
import type { Enforcer } from '#kit/policy/policy.ts'
import type { World } from '#kit/world/world.ts'
import type { ImageConfig } from './config.ts'
import type { LimitsOf } from './ops/limit.ts'
import type { PropertyProtections } from './ops/property-protection.ts'

export type ImageApp = {
  readonly world: World
  readonly db: Database
  readonly policy: Enforcer
  readonly config: ImageConfig
  readonly store: ImageStore
  readonly digester: Digester
  readonly bus: Bus
  /** Undefined where no property is protected. */
  readonly protections: PropertyProtections | undefined
  /** Where identity's limits are asked for. */
  readonly limitsOf: LimitsOf | undefined
}

export type ImageContext = Context<ImageApp>
export const route = routeOf<ImageApp>()
