// What the parts of image share; wired in service.ts.
import type { ImageStore } from '#drivers/imagestore/load.ts'
import type { Bus } from '#kit/bus/bus.ts'
import type { Database } from '#kit/db/database.ts'
import type { Digester } from '#kit/digest/digest.ts'
import type { HttpDownload } from '#kit/http/download.ts'
import { type Context, routeOf } from '#kit/http/route.ts'
import type { Log } from '#kit/log/log.ts'
import type { Enforcer } from '#kit/policy/policy.ts'
import type { Tasks } from '#kit/task/task.ts'
import type { World } from '#kit/world/world.ts'
import type { ImageConfig } from './config.ts'
import type { LimitsOf } from './ops/limit.ts'
import type { ProtectionFile } from './ops/protection-file.ts'
import type { Remotes } from './ops/remote.ts'
import type { Stores } from './ops/store.ts'

export type ImageApp = {
  readonly world: World
  readonly db: Database
  readonly policy: Enforcer
  readonly config: ImageConfig
  readonly log: Log
  readonly stores: Stores
  /** Takes bytes that wait for an import. */
  readonly staging: ImageStore
  /** Where tools work on staged bytes. */
  readonly workFolder: string
  /** Absent where nothing is cached. */
  readonly cache: ImageStore | undefined
  readonly tasks: Tasks
  /** By the rules for what users may have fetched. */
  readonly download: HttpDownload
  readonly digester: Digester
  readonly bus: Bus
  readonly protections: ProtectionFile
  /** Images of other regions. */
  readonly remotes: Remotes
  /** Where identity's limits are asked for. */
  readonly limitsOf: LimitsOf | undefined
}

export type ImageContext = Context<ImageApp>
export const route = routeOf<ImageApp>()
