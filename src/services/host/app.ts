// What the parts of the host service share; wired in service.ts.
import type { Authority } from '#kit/certificate/authority.ts'
import type { Database } from '#kit/db/database.ts'
import type { HttpClient } from '#kit/http/client.ts'
import { type Context, routeOf } from '#kit/http/route.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import type { HostConfig } from './config.ts'
import type { Peers } from './ops/peer.ts'

/** What main knows and the service doesn't: the cloud's set-up around it. */
export type HostSurroundings = {
  /** Signs hosts' certificates; made at its first use. */
  authority(): Promise<Authority>
  /** Why no host can join this cloud as it is set up, for the operator; undefined where hosts can. */
  notJoinable(): string | undefined
  /** Names and addresses of the controller itself: no host may have one. */
  ownNames(): readonly string[]
  /** Users of the message bus, each of which reaches its own host's queues alone. */
  grantBus(host: string): Promise<{ user: string; password: string }>
  revokeBus(host: string): Promise<void>
  /** Who may come to the bus from outside: the fingerprints of all members' certificates. */
  admit(fingerprints: readonly string[]): Promise<void>
  /** What anybody may know of the cloud who thinks of joining. */
  publicFacts(): Record<string, unknown>
  /** What a joined host must know besides, secrets among it. */
  memberFacts(): Record<string, unknown>
  /** Passwords of hosts' service users are made from this, so that none is stored. */
  passwordSeed: string
}

export type HostApp = {
  readonly world: World
  readonly db: Database
  readonly log: Log
  readonly journal: Journal
  readonly http: HttpClient
  readonly config: HostConfig
  readonly around: HostSurroundings
  readonly peers: Peers
  /** A token of the service's own user. */
  readonly serviceToken: (trace: Trace) => Promise<string>
}

export type HostContext = Context<HostApp>
export const route = routeOf<HostApp>()
