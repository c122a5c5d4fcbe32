// What the metadata service's parts share.
import type { conductor } from '#contracts/compute.ts'
import type { Caller } from '#kit/bus/bus.ts'
import { type Context, routeOf } from '#kit/http/route.ts'
import type { InstanceFacts } from '#kit/metadata-tree/facts.ts'
import type { TreeOptions } from '#kit/metadata-tree/openstack.ts'
import type { World } from '#kit/world/world.ts'
import type { MetadataConfig } from './config.ts'

export type Metadata = {
  readonly world: World
  readonly config: MetadataConfig
  /** Shared with the metadata agents. */
  readonly secret: string
  readonly conductor: Caller<typeof conductor.methods>
  /** What was learnt of servers a moment ago. */
  readonly known: Map<string, { facts: InstanceFacts; until: number }>
  readonly tree: TreeOptions
}

export type MetadataContext = Context<Metadata>
export const route = routeOf<Metadata>()
