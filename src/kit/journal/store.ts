// The journal of one process: events are stamped at once, gathered, and written to a sink in batches off the request's path.
import { asError, fullMessage } from '../errors/cloud-error.ts'
import type { Log } from '../log/log.ts'
import { redact, redactText } from '../redact/redact.ts'
import type { World } from '../world/world.ts'
import type { EventKind, Journal, JournalEvent, NewEvent, Trace } from './journal.ts'

/** Where events go. `append` takes an event that it has already without storing it twice. */
export type JournalSink = {
  append(events: readonly JournalEvent[]): Promise<void> | void
  close(): Promise<void> | void
}

/** A sink that can be asked. */
export type JournalStore = JournalSink & {
  query(query: JournalQuery): Promise<JournalEvent[]>
}

export type JournalQuery = {
  id?: string
  traceId?: string
  subject?: string
  /** The audit is given only where it is asked for. */
  kinds?: readonly EventKind[]
  names?: readonly string[]
  /** Milliseconds since the epoch, included. */
  since?: number
  /** Milliseconds since the epoch, not included. */
  until?: number
  /** The most events to give. */
  limit: number
  /** With `limit`, the newest rather than the oldest are kept; the order stays oldest first. */
  newest?: boolean
}

export type OpenJournal = Journal & {
  /** Writes what is left and closes the sink; what is recorded later is dropped. */
  close(): Promise<void>
}

export type JournalSettings = {
  world: Pick<World, 'clock' | 'timers' | 'random'>
  log: Log
  host: string
  /** The name on events unless they or `as` say another. */
  service: string
  sink: JournalSink
}

/** Longest that an event waits to be written. */
const gatherMs = 20
/** Pause while the sink fails: a full disk is not tried fifty times a second. */
const retryMs = 1000
/** A batch of this size is written at the next turn of the event loop. */
const fullBatch = 1000
/** While the sink fails, so many are kept; older ones are dropped, and counted in the log. */
const maxWaiting = 50_000

export function openJournal(settings: JournalSettings): OpenJournal {
  const { world, log, sink } = settings
  const nextHex = hexSource(world.random)
  const now = fineClock(world.clock)
  let waiting: JournalEvent[] = []
  let writing: Promise<void> | undefined
  let cancelTimer: (() => void) | undefined
  let dropped = 0
  let failing = false
  let closed = false

  const write = async (): Promise<void> => {
    cancelTimer?.()
    cancelTimer = undefined
    if (waiting.length === 0) return
    const batch = waiting
    waiting = []
    try {
      await sink.append(batch)
      if (failing) log.info({ dropped }, 'the journal is written again')
      failing = false
      dropped = 0
    } catch (error) {
      if (!failing)
        log.error({ error: fullMessage(error) }, 'the journal cannot be written; events wait in memory')
      failing = true
      waiting = batch.concat(waiting)
      const excess = waiting.length - maxWaiting
      if (excess > 0) {
        waiting.splice(0, excess)
        dropped += excess
      }
      schedule()
    }
  }
  const writeAll = (): Promise<void> => {
    writing ??= write().finally(() => {
      writing = undefined
      if (waiting.length > 0) schedule()
    })
    return writing
  }
  const schedule = () => {
    const due = () => {
      // First of all: the next one may have to be set while an earlier batch is still being written.
      cancelTimer = undefined
      void writeAll()
    }
    cancelTimer ??= world.timers.after(failing ? retryMs : gatherMs, due, { background: true })
  }
  const flush = async () => {
    // What was recorded while an earlier batch was being written needs a second turn, ours or another flush's.
    await writing
    await (waiting.length > 0 ? writeAll() : writing)
  }

  const childOf = (parent: Trace): Trace => ({
    traceId: parent.traceId,
    spanId: nextHex(16),
    parentId: parent.spanId,
    ...(parent.quiet && { quiet: true }),
  })

  const naming = (service: string): Journal => {
    const record = (trace: Trace, event: NewEvent) => {
      if (closed || (trace.quiet && isRoutine(event))) return
      waiting.push(stamp(trace, event, service))
      if (waiting.length === fullBatch && !failing) setImmediate(() => void writeAll())
      else schedule()
    }
    return {
      record,
      async span(trace, event, work) {
        const child = childOf(trace)
        const at = event.at ?? now()
        const started = world.clock.monotonic()
        try {
          const result = await work(child)
          record(child, { ...event, at, durationMs: world.clock.monotonic() - started })
          return result
        } catch (error) {
          const durationMs = world.clock.monotonic() - started
          record(child, { ...event, at, durationMs, outcome: 'error', error: asError(error).message })
          throw error
        }
      },
      newTrace: () => ({ traceId: nextHex(32), spanId: nextHex(16) }),
      childOf,
      as: naming,
      flush,
    }
  }
  const stamp = (trace: Trace, event: NewEvent, service: string): JournalEvent => ({
    id: event.id ?? nextHex(24),
    at: event.at ?? now(),
    kind: event.kind,
    name: event.name,
    service: event.service ?? service,
    host: settings.host,
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentId: trace.parentId,
    requestId: event.requestId,
    projectId: event.projectId,
    userId: event.userId,
    subject: event.subject,
    durationMs: event.durationMs,
    outcome: event.outcome ?? 'ok',
    error: event.error === undefined ? undefined : redactText(event.error),
    data: event.data && redact(event.data),
  })

  return {
    ...naming(settings.service),
    async close() {
      await flush()
      closed = true
      waiting = []
      cancelTimer?.()
      await sink.close()
    },
  }
}

/** A message that came and went as it should. */
const isRoutine = ({ kind, outcome }: NewEvent) => kind.startsWith('rpc.') && outcome !== 'error'

/** Whether an event answers a query; the sinks without SQL use it. */
export function matches(event: JournalEvent, query: JournalQuery): boolean {
  return (
    (query.id === undefined || event.id === query.id) &&
    (query.traceId === undefined || event.traceId === query.traceId) &&
    (query.subject === undefined || event.subject === query.subject) &&
    (query.kinds === undefined ? event.kind !== 'audit' : query.kinds.includes(event.kind)) &&
    (query.names === undefined || query.names.includes(event.name)) &&
    (query.since === undefined || event.at >= query.since) &&
    (query.until === undefined || event.at < query.until)
  )
}

/** Random hexadecimal text, drawn in large pieces: one draw per id would cost more than the rest of an event. */
function hexSource(random: World['random']): (length: number) => string {
  const pieceBytes = 4096
  let piece = ''
  let used = 0
  return (length) => {
    if (used + length > piece.length) {
      piece = random.bytes(pieceBytes).toString('hex')
      used = 0
    }
    used += length
    return piece.slice(used - length, used)
  }
}

/** The wall clock with the monotonic clock's fractions, set anew whenever the two part. */
function fineClock(clock: World['clock']): () => number {
  let offset = clock.now() - clock.monotonic()
  return () => {
    const wall = clock.now()
    const fine = clock.monotonic() + offset
    // `now` is cut to whole milliseconds, so that being up to one ahead of it is in order.
    if (fine >= wall && fine < wall + 1) return fine
    offset = wall - clock.monotonic()
    return wall
  }
}
