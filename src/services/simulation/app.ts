// What the parts of the simulation service share; wired in service.ts. What faults and snapshots do is main's: it alone
// holds the hosts, the broker and the data folder.
import { type Context, routeOf } from '#kit/http/route.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import type { Fault, FaultWish } from './resources/fault.ts'
import type { Snapshot } from './resources/snapshot.ts'

/** A fault that has begun. */
export type Ongoing = {
  /** What it struck: 'host:node3', 'server:<uuid>', 'broker'. */
  subject: string
  /** Takes it back; may be called again where it threw. Absent where nothing is left to take back. */
  end?(): Promise<void>
}

/** What main does for the service. */
export type SimulationSurroundings = {
  /** Errors: 'notFound' where the host, server or network isn't there, 'conflict' where it is struck already. */
  strike(wish: FaultWish, trace: Trace): Promise<Ongoing>
  readonly snapshots: {
    list(): Promise<Snapshot[]>
    /** Kind 'conflict' where there is one of this name. */
    save(snapshot: Pick<Snapshot, 'name' | 'description'>): Promise<Snapshot>
    /** The cloud stops, gets what the snapshot holds, and starts again. 'notFound', or 'conflict' where it doesn't fit. */
    restore(name: string): Promise<Snapshot>
    delete(name: string): Promise<void>
  }
}

export type SimulationApp = {
  readonly world: World
  readonly log: Log
  readonly journal: Journal
  readonly around: SimulationSurroundings
  readonly faults: FaultRecord
  /** The file that names the active faults. */
  readonly remembrance: string
  /** One snapshot is saved, restored or deleted at a time. */
  readonly turn: <T>(work: () => Promise<T>) => Promise<T>
}

/** The faults of this process; ended ones are shown for a while. */
export type FaultRecord = Map<string, StruckFault>

export type StruckFault = Fault & {
  ongoing: Ongoing
  cancelTimer?: () => void
  /** Two who end it at once end it once. */
  ending?: Promise<void>
}

export type SimulationContext = Context<SimulationApp>
export const route = routeOf<SimulationApp>()
