// What the parts of volume share; wired in service.ts.
import type { volumeAgent } from '#contracts/volume-agent.ts'
import type { Bus, Caller } from '#kit/bus/bus.ts'
import type { Database } from '#kit/db/database.ts'
import { type Context, routeOf } from '#kit/http/route.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import type { Enforcer } from '#kit/policy/policy.ts'
import type { Tasks } from '#kit/task/task.ts'
import type { World } from '#kit/world/world.ts'
import type { ImageClient } from '../image/client.ts'
import type { VolumeConfig } from './config.ts'

export type VolumeApp = {
  readonly world: World
  readonly log: Log
  readonly journal: Journal
  readonly db: Database
  readonly policy: Enforcer
  readonly config: VolumeConfig
  readonly bus: Bus
  readonly agent: Caller<(typeof volumeAgent)['methods']>
  readonly images: ImageClient
  readonly serviceToken: (trace: Trace) => Promise<string>
  /** Set once the runner is started, before the first request. */
  tasks: Tasks
}

export type VolumeContext = Context<VolumeApp>
export const route = routeOf<VolumeApp>()
