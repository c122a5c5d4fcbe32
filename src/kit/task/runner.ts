// Finds the tasks whose time has come, takes the lease of each and runs it. Several runners may share one database:
// what one process leaves behind, another takes up when its lease is over, and the same one at its next start.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Database } from '../db/database.ts'
import { fullMessage } from '../errors/cloud-error.ts'
import type { Journal } from '../journal/journal.ts'
import type { Log } from '../log/log.ts'
import type { World } from '../world/world.ts'
import { openAsks } from './ask.ts'
import { type Held, runHeld } from './step.ts'
import {
  deleteEnded,
  findDue,
  findNextTime,
  freeLeases,
  saveHeld,
  type TaskRecord,
  takeLease,
  unknownKinds,
} from './store.ts'
import type { AnyDefinition, Tasks } from './task.ts'

export type TaskOptions<App> = {
  world: World
  log: Log
  journal: Journal
  /** Holds `taskTable`. */
  db: Database
  app: App
  definitions: readonly AnyDefinition[]
  /** The same at each start of this process, and no other's: 'controller@node1'. */
  owner: string
  /** Tasks that run at once; the default is 16. */
  concurrency?: number
  /** Of the program, kept with each task that it starts. */
  release?: string
  /** How long the dead hold a task; the default is 30 s. */
  leaseMs?: number
  /** How long tasks that have ended are kept; the default is a week. */
  keepEndedMs?: number
}

/** A task that another process started or left is found by looking; our own are nudged. */
const pollMs = 1000
const sweepMs = 3_600_000
const weekMs = 7 * 86_400_000

export function startTasks<App>(options: TaskOptions<App>): Tasks {
  const { world, journal, db, app } = options
  const log = options.log.with({ owner: options.owner })
  const concurrency = options.concurrency ?? 16
  const leaseMs = options.leaseMs ?? 30_000
  const definitions = new Map(options.definitions.map((each) => [each.name, each]))
  const kinds = [...definitions.keys()]
  const owner = `${options.owner}#${world.random.hexId().slice(0, 8)}`
  // A nudge may come from within a transaction; what it starts is no part of that.
  const outside = AsyncLocalStorage.snapshot()

  const running = new Map<string, Promise<void>>()
  /** Those that the database still holds for us, though nobody is at them: it was away when their state was to be saved. */
  const left = new Set<string>()
  let looking: Promise<void> | undefined
  let lookAgain = false
  /** Something of ours has changed since the next pause's end was asked for. */
  let mayBeSooner = true
  let stopping = false
  let prepared = false
  let cancelNext = () => {}
  let cancelPoll = () => {}
  let cancelSweep = () => {}

  /** Once, before the first look. */
  const prepare = async () => {
    await freeLeases(db, options.owner)
    const unknown = await unknownKinds(db, kinds)
    if (unknown.length > 0)
      log.error({ kinds: unknown }, 'tasks of kinds that this program does not know stay as they are')
    prepared = true
  }

  const look = async () => {
    if (!prepared) await prepare()
    do {
      lookAgain = false
      await takeBack()
      const free = concurrency - running.size
      if (free <= 0) return
      // Those of ours that are just ending may still be among them.
      for (const row of await findDue(db, kinds, world.clock.now(), free)) {
        if (stopping) return
        if (!running.has(row.id)) await take(row)
      }
    } while (lookAgain && !stopping)
    if (!mayBeSooner) return
    mayBeSooner = false
    const next = await findNextTime(db, kinds, world.clock.now())
    cancelNext()
    if (next !== undefined && !stopping) cancelNext = world.timers.after(next - world.clock.now(), nudge)
  }

  /** Sooner than their leases run out. */
  const takeBack = async () => {
    for (const id of left) {
      await saveHeld(db, id, owner, { leaseUntil: 0, leaseOwner: null })
      left.delete(id)
    }
  }

  const take = async (seen: TaskRecord) => {
    const row = await takeLease(db, seen, owner, world.clock.now() + leaseMs)
    if (!row) return
    // Its lease is that of the run which begins.
    left.delete(row.id)
    const held: Held = {
      world,
      log,
      journal,
      db,
      app,
      owner,
      leaseMs,
      definition: definitions.get(row.kind)!,
      stopping: () => stopping,
    }
    const work = run(held, row).finally(() => {
      running.delete(row.id)
      nudge()
    })
    running.set(row.id, world.activity.track(work))
  }

  const run = async (held: Held, row: TaskRecord) => {
    let cancel = () => {}
    let over = false
    const renew = () => {
      if (over) return
      cancel = world.timers.after(leaseMs / 3, () => void extend(row).then(renew), { background: true })
    }
    renew()
    try {
      await runHeld(held, row)
    } catch (error) {
      // The database failed us: the step is done again when it is back.
      left.add(row.id)
      log.error(
        { taskId: row.id, kind: row.kind, error: fullMessage(error) },
        'the state of a task was not saved',
      )
    } finally {
      over = true
      cancel()
    }
  }
  const extend = async (row: TaskRecord) => {
    try {
      await saveHeld(db, row.id, owner, { leaseUntil: world.clock.now() + leaseMs })
    } catch (error) {
      log.warn({ taskId: row.id, error: fullMessage(error) }, 'a lease was not extended')
    }
  }

  const nudge = () => {
    mayBeSooner = true
    lookSoon()
  }
  const lookSoon = () => {
    if (stopping) return
    if (looking) {
      lookAgain = true
      return
    }
    looking = outside(() => world.activity.track(look()))
      .catch((error) => {
        mayBeSooner = true
        log.error({ error: fullMessage(error) }, 'looking for tasks failed and will be tried again')
      })
      .then(() => {
        looking = undefined
        const again = lookAgain && running.size < concurrency
        lookAgain = false
        if (again) lookSoon()
      })
  }
  const poll = () => {
    cancelPoll = world.timers.after(
      pollMs,
      () => {
        // Pauses that other processes' tasks make end for them; what is left over is due when it is found.
        lookSoon()
        poll()
      },
      { background: true },
    )
  }
  const sweep = () => {
    cancelSweep = world.timers.after(
      sweepMs,
      () => {
        deleteEnded(db, world.clock.now() - (options.keepEndedMs ?? weekMs))
          .catch((error) => log.warn({ error: fullMessage(error) }, 'ended tasks were not deleted'))
          .finally(() => stopping || sweep())
      },
      { background: true },
    )
  }
  nudge()
  poll()
  sweep()

  return {
    ...openAsks({ world, db, definitions, release: options.release ?? '', nudge }),
    nudge,
    async stop() {
      stopping = true
      cancelPoll()
      cancelSweep()
      await looking
      cancelNext()
      await Promise.all(running.values())
    },
  }
}
