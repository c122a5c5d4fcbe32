// What the parts of compute share; wired in service.ts.
import type { compute, scheduler } from '#contracts/compute.ts'
import type { Bus, Caller } from '#kit/bus/bus.ts'
import type { Database } from '#kit/db/database.ts'
import { type Context, routeOf } from '#kit/http/route.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import type { Enforcer } from '#kit/policy/policy.ts'
import type { Tasks } from '#kit/task/task.ts'
import type { World } from '#kit/world/world.ts'
import type { ImageClient } from '#services/image/client.ts'
import type { NetworkClient } from '#services/network/client.ts'
import type { PlacementClient } from '#services/placement/client.ts'
import type { VolumeClient } from '#services/volume/client.ts'
import type { ComputeConfig } from './config.ts'
import type { RecentChoices } from './ops/recent-choice.ts'

/** The other services, as one role of compute asks them: each request is in the journal under that role's name. */
export type Peers = {
  readonly image: ImageClient
  readonly placement: PlacementClient
  readonly network: NetworkClient
  readonly volume: VolumeClient
  /** A token of user nova. */
  readonly serviceToken: (trace: Trace) => Promise<string>
}

export type Compute = {
  readonly world: World
  readonly log: Log
  /** Under the name nova-api. */
  readonly journal: Journal
  readonly db: Database
  readonly policy: Enforcer
  readonly config: ComputeConfig
  readonly bus: Bus
  readonly scheduler: Caller<typeof scheduler.methods>
  /** Row 60's cast, and every other order to a host: the journal shows them under the role that row 60 names and ours. */
  readonly builds: Pick<Caller<typeof compute.methods>, 'build'>
  readonly hosts: Omit<Caller<typeof compute.methods>, 'build'>
  readonly api: Peers
  readonly conductor: Peers
  readonly schedulerPeers: Peers
  readonly choices: RecentChoices
  readonly tasks: Tasks
  /** A host's report may have changed what placement should know of it. */
  readonly nudgeProviders: () => void
}

export type ComputeContext = Context<Compute>
export const route = routeOf<Compute>()
