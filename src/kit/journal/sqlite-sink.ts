// The controller's journal: one SQLite file beside those of the services, bounded by count and by age.
import { CloudError } from '../errors/cloud-error.ts'
import type { World } from '../world/world.ts'
import type { JournalEvent } from './journal.ts'
import { type Retention, usualMaxAgeMs, usualMaxEvents } from './retention.ts'
import type { JournalQuery, JournalStore } from './store.ts'

export type SqliteSinkOptions = Retention & {
  /** NORMAL, the default: a power cut may lose the last batches, never the file. OFF: it may lose that, too. */
  synchronous?: 'NORMAL' | 'OFF'
}

const schema = `
  pragma journal_mode = WAL;
  pragma journal_size_limit = 16777216;
  create table if not exists event (
    seq integer primary key autoincrement,
    id text not null unique,
    at real not null,
    kind text not null,
    name text not null,
    trace_id text not null,
    subject text,
    body text not null
  );
  create index if not exists event_trace on event (trace_id);
  create index if not exists event_subject on event (subject) where subject is not null;
  create index if not exists event_at on event (at);
`

/** `path` is a file in a folder that exists, or ':memory:'. */
export function sqliteSink(
  world: Pick<World, 'clock' | 'sqlite'>,
  path: string,
  options: SqliteSinkOptions = {},
): JournalStore {
  const maxEvents = options.maxEvents ?? usualMaxEvents
  const maxAgeMs = options.maxAgeMs ?? usualMaxAgeMs
  const database = world.sqlite.open(path)
  database.exec(`pragma synchronous = ${options.synchronous ?? 'NORMAL'};${schema}`)
  const insert = database.prepare(
    'insert or ignore into event (id, at, kind, name, trace_id, subject, body) values (?, ?, ?, ?, ?, ?, ?)',
  )
  // In steps of the size of what came in, so that no batch stalls the event loop.
  const dropExcess = database.prepare(
    `delete from event where seq in (select seq from event
       where seq <= (select max(seq) from event) - ? order by seq limit ?)`,
  )
  const dropOld = database.prepare(
    'delete from event where seq in (select seq from event where at < ? order by at limit ?)',
  )

  const store = (events: readonly JournalEvent[]) => {
    for (const event of events) {
      const { id, at, kind, name, traceId, subject } = event
      insert.run(id, at, kind, name, traceId, subject ?? null, JSON.stringify(event))
    }
    const step = events.length * 2 + 100
    dropExcess.run(maxEvents, step)
    dropOld.run(world.clock.now() - maxAgeMs, step)
  }
  return {
    append(events) {
      try {
        database.exec('begin immediate')
        try {
          store(events)
          database.exec('commit')
        } catch (error) {
          // A full disk may have rolled it back already.
          if (database.isTransaction) database.exec('rollback')
          throw error
        }
      } catch (error) {
        throw new CloudError('unavailable', 'The journal cannot be written', { cause: error, detail: path })
      }
    },
    async query(query) {
      const { where, values } = conditions(query)
      const order = query.newest ? 'desc' : 'asc'
      const rows = database
        .prepare(`select body from event ${where} order by at ${order}, seq ${order} limit ?`)
        .all(...values, query.limit)
      const events = rows.map((row) => JSON.parse(String(row.body)) as JournalEvent)
      return query.newest ? events.reverse() : events
    },
    close: () => database.close(),
  }
}

function conditions(query: JournalQuery): { where: string; values: (string | number)[] } {
  const parts: string[] = []
  const values: (string | number)[] = []
  const add = (sql: string, ...given: (string | number)[]) => {
    parts.push(sql)
    values.push(...given)
  }
  const oneOf = (column: string, words: readonly string[]) =>
    add(`${column} in (${words.map(() => '?').join(', ')})`, ...words)
  if (query.id !== undefined) add('id = ?', query.id)
  if (query.traceId !== undefined) add('trace_id = ?', query.traceId)
  if (query.subject !== undefined) add('subject = ?', query.subject)
  if (query.kinds) oneOf('kind', query.kinds)
  if (query.names) oneOf('name', query.names)
  if (query.since !== undefined) add('at >= ?', query.since)
  if (query.until !== undefined) add('at < ?', query.until)
  return { where: parts.length === 0 ? '' : `where ${parts.join(' and ')}`, values }
}
