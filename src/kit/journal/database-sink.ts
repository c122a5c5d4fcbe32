// The journal of a cloud whose databases are on a server: one table for all its controllers, bounded by count and by age.
import type { Database } from '../db/database.ts'
import { ddl } from '../db/ddl.ts'
import type { Migration } from '../db/migrate.ts'
import { c, table } from '../db/table.ts'
import type { World } from '../world/world.ts'
import type { JournalEvent } from './journal.ts'
import { type Retention, usualMaxAgeMs, usualMaxEvents } from './retention.ts'
import type { JournalStore } from './store.ts'

const nameLength = 255

export const eventTable = table(
  'event',
  {
    seq: c.autoId(),
    id: c.text(36),
    at: c.real(),
    kind: c.text(64),
    name: c.text(nameLength),
    traceId: c.text(64),
    subject: c.nullable(c.text(nameLength)),
    body: c.json<JournalEvent>(),
  },
  { unique: [['id']], index: [['traceId'], ['subject'], ['at']] },
)

export const eventMigration: Migration = {
  id: '0001-event',
  up: (tx) =>
    ddl(tx).createTable(
      'event',
      {
        seq: 'autoId',
        id: 'text(36)',
        at: 'real',
        kind: 'text(64)',
        name: 'text(255)',
        trace_id: 'text(64)',
        subject: 'text(255)?',
        body: 'json',
      },
      { unique: [['id']], index: [['trace_id'], ['subject'], ['at']] },
    ),
}

/** What is too much or too old is looked for when so large a part of the whole is new. */
const sweepShare = 1 / 500
/** At a look, so that no batch waits for long. */
const mostDropped = 5000

/** Closes the database with itself. */
export function databaseSink(
  world: Pick<World, 'clock'>,
  db: Database,
  { maxEvents = usualMaxEvents, maxAgeMs = usualMaxAgeMs }: Retention = {},
): JournalStore {
  let fresh = 0

  const sweep = async () => {
    const [newest] = await eventTable.find(db, {}, { orderBy: [['seq', 'desc']], limit: 1 })
    if (!newest) return
    const drop = async (order: 'seq' | 'at', before: number) => {
      const found = await eventTable.first(db, {}, { orderBy: [[order, 'asc']] })
      if (!found || found[order] >= before) return
      const last = await eventTable.first(db, (q) => q.where(order, '<', before), {
        orderBy: [[order, 'asc']],
        offset: mostDropped,
      })
      await eventTable.delete(db, (q) => q.where(order, '<', last?.[order] ?? before))
    }
    await drop('seq', newest.seq - maxEvents + 1)
    await drop('at', world.clock.now() - maxAgeMs)
  }
  return {
    async append(events) {
      await eventTable.insertAbsent(
        db,
        events.map((event) => ({
          id: event.id,
          at: event.at,
          kind: event.kind,
          name: cut(event.name),
          traceId: event.traceId,
          subject: event.subject === undefined ? null : cut(event.subject),
          body: event,
        })),
      )
      fresh += events.length
      if (fresh < maxEvents * sweepShare) return
      fresh = 0
      await sweep()
    },
    async query(query) {
      const way = query.newest ? 'desc' : 'asc'
      const rows = await eventTable.find(
        db,
        (q) => {
          let wanted = q
          if (query.id !== undefined) wanted = wanted.where('id', '=', cut(query.id))
          if (query.traceId !== undefined) wanted = wanted.where('traceId', '=', query.traceId)
          if (query.subject !== undefined) wanted = wanted.where('subject', '=', cut(query.subject))
          if (query.kinds) wanted = wanted.where('kind', 'in', [...query.kinds, ''])
          if (query.names) wanted = wanted.where('name', 'in', [...query.names.map(cut), ''])
          if (query.since !== undefined) wanted = wanted.where('at', '>=', query.since)
          if (query.until !== undefined) wanted = wanted.where('at', '<', query.until)
          return wanted
        },
        {
          orderBy: [
            ['at', way],
            ['seq', way],
          ],
          limit: query.limit,
        },
      )
      const events = rows.map(({ body }) => body)
      return query.newest ? events.reverse() : events
    },
    close: () => db.close(),
  }
}

/** As much of it as a column holds: what begins alike for so long is the same to whoever looks for it. */
function cut(text: string): string {
  return [...text.replaceAll('\0', '')].slice(0, nameLength).join('')
}
