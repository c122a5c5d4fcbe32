// What services ask of tasks: to start, wake, cancel or list them. All of it is rows; the runner does the work.
import type { Database } from '../db/database.ts'
import type { World } from '../world/world.ts'
import { findOpen, keepSignal, taskTable, turnBack } from './store.ts'
import type { AnyDefinition, Tasks } from './task.ts'

type Options = {
  world: World
  db: Database
  definitions: ReadonlyMap<string, AnyDefinition>
  release: string
  nudge: () => void
}

export function openAsks({ world, db, definitions, release, nudge }: Options): Omit<Tasks, 'nudge' | 'stop'> {
  return {
    async start(tx, definition, given) {
      if (!definitions.has(definition.name)) throw new Error(`${definition.name} is not run here`)
      const now = world.clock.now()
      const id = world.random.uuid()
      await taskTable.insert(tx, {
        id,
        kind: definition.name,
        subject: given.subject,
        step: definition.start,
        state: given.frame as Record<string, unknown>,
        undo: [],
        signals: {},
        status: 'ready',
        runAt: now,
        leaseUntil: 0,
        attempts: 0,
        deadlineAt: now + definition.deadlineMs,
        traceId: given.trace.traceId,
        spanId: given.trace.spanId,
        createdAt: now,
        updatedAt: now,
        release,
      })
      tx.afterCommit(nudge)
      return id
    },
    signal: (subject, kind, name, payload) =>
      db.transaction(async (tx) => {
        const rows = await findOpen(tx, subject, kind)
        for (const row of rows) await keepSignal(tx, row, name, payload, world.clock.now())
        if (rows.length > 0) tx.afterCommit(nudge)
        return rows.length > 0
      }),
    cancel: (subject, kind, reason) =>
      db.transaction(async (tx) => {
        const rows = await findOpen(tx, subject, kind)
        for (const row of rows) {
          if (row.status === 'undoing') continue
          await taskTable.update(tx, { id: row.id }, turnBack(row, reason, world.clock.now()))
        }
        if (rows.length > 0) tx.afterCommit(nudge)
        return rows.length > 0
      }),
    running: (subject) => findOpen(db, subject),
  }
}
