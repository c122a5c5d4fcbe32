// What the parts of the compute agent share.
import type { compute, conductor } from '#contracts/compute.ts'
import type { VirtDriver } from '#drivers/virt/load.ts'
import type { Caller } from '#kit/bus/bus.ts'
import type { HttpClient } from '#kit/http/client.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import type { ListenTls, World } from '#kit/world/world.ts'
import type { ComputeAgentConfig } from './config.ts'

export const service = 'nova-compute'

export type Conductor = Caller<(typeof conductor)['methods']>
export type ComputeMethods = (typeof compute)['methods']

/** The services whose APIs a host asks. */
export type PeerType = 'image' | 'network' | 'volume'

export type Parts = {
  readonly world: World
  readonly log: Log
  readonly journal: Journal
  readonly host: string
  /** Of its loops, as a loop has it. */
  readonly phase?: number | undefined
  readonly driver: VirtDriver
  readonly conductor: Conductor
  readonly http: HttpClient
  readonly endpoint: (type: PeerType) => string
  /** A token of the service user nova. */
  readonly serviceToken: (trace: Trace) => Promise<string>
  /** Of consoles' doors, where these are open to the network; read anew for each. */
  readonly consoleTls?: () => Promise<ListenTls>
  readonly config: ComputeAgentConfig
}
