// What every service of a process is given by main, and nothing else: no service reaches for a global.
import type { Bus } from '../bus/bus.ts'
import type { HttpClient } from '../http/client.ts'
import type { Journal } from '../journal/journal.ts'
import type { Log } from '../log/log.ts'
import type { World } from '../world/world.ts'

export type Platform = {
  readonly world: World
  readonly log: Log
  readonly journal: Journal
  readonly bus: Bus
  readonly http: HttpClient
  /** Name of the region in which all endpoints of this cloud stand. */
  readonly region: string
  /** Where a service type listens: 'compute' -> 'http://127.0.0.1:8774'. No trailing slash and no version. */
  readonly endpoint: (type: ServiceType) => string
  /** The database of one service: 'sqlite:/var/lib/nimbo/db/compute.db'. */
  readonly databaseUrl: (service: string) => string
  /** A folder of this service's own below the data folder. */
  readonly folder: (service: string) => string
  /** The password of a service user: 'nova', 'neutron'. */
  readonly servicePassword: (user: string) => string
}

export type ServiceType =
  | 'identity'
  | 'image'
  | 'placement'
  | 'compute'
  | 'network'
  | 'volume'
  | 'metadata'
  | 'console'
  | 'journal'
  | 'hosts'
  | 'simulation'

/** What a service gives back to main. */
export type RunningService = {
  readonly name: string
  stop(): Promise<void>
}
