// SQL of what compute is to be told.
import type { Db } from '#kit/db/database.ts'
import type { Trace } from '#kit/journal/journal.ts'
import { type ComputeEvent, computeEvent, type EventName } from '../resources/event.ts'

export function insertEvents(
  db: Db,
  events: readonly { name: EventName; serverId: string; portId: string }[],
  now: number,
  trace: Trace,
): Promise<void> {
  const { traceId, spanId } = trace
  return computeEvent.insert(
    db,
    events.map((each) => ({ ...each, createdAt: now, runAt: now, attempts: 0, traceId, spanId })),
  )
}

export const dueEvents = (db: Db, now: number, limit: number): Promise<ComputeEvent[]> =>
  computeEvent.find(db, { runAt: { atMost: now } }, { orderBy: [['id', 'asc']], limit })
export const deleteEvents = (db: Db, ids: number[]) => computeEvent.delete(db, { id: ids })
export const delayEvents = (db: Db, ids: number[], attempts: number, runAt: number) =>
  computeEvent.update(db, { id: ids }, { attempts, runAt })
