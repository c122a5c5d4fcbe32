// What the handlers of the management API work with.
import type { Address, ListenTls, World } from '#kit/world/world.ts'
import type { Registry } from '../admin/registry.ts'
import type { Broker } from '../broker.ts'
import type { Sampler } from './sample.ts'
import type { Spans } from './stats.ts'

export type ManagementListener = {
  readonly address: Address
  readonly tls: ListenTls | undefined
  readonly protocol: string
}

export type ManagementContext = {
  readonly world: World
  readonly broker: Broker
  readonly registry: Registry
  readonly sampler: Sampler
  /** What this request asks about the past. */
  readonly spans: Spans
  readonly listeners: readonly ManagementListener[]
  /** The broker's version, as it tells clients. */
  readonly version: string
}
