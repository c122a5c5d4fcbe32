// How a host's events reach the controller's journal. Repeats are harmless: the store knows an event by its id.
import { Type } from 'typebox'
import { cast, contract } from '#kit/bus/contract.ts'
import type { EventKind } from '#kit/journal/journal.ts'

const Kind = Type.Unsafe<EventKind>(
  Type.Union(
    [
      'request',
      'rest',
      'rpc.call',
      'rpc.cast',
      'rpc.consume',
      'rpc.reply',
      'rpc.result',
      'db',
      'task',
      'driver',
      'decision',
      'notification',
      'token',
    ].map((kind) => Type.Literal(kind)),
  ),
)
const Text = Type.String({ maxLength: 1024 })

/** A JournalEvent of kit/journal. */
export const JournalEventSchema = Type.Object({
  id: Type.String({ minLength: 16, maxLength: 64 }),
  /** Milliseconds since the epoch, with fractions. */
  at: Type.Number(),
  kind: Kind,
  name: Text,
  service: Text,
  host: Text,
  traceId: Type.String({ pattern: '^[0-9a-f]{32}$' }),
  spanId: Type.String({ pattern: '^[0-9a-f]{16}$' }),
  parentId: Type.Optional(Type.String({ pattern: '^[0-9a-f]{16}$' })),
  requestId: Type.Optional(Text),
  projectId: Type.Optional(Text),
  userId: Type.Optional(Text),
  subject: Type.Optional(Text),
  durationMs: Type.Optional(Type.Number()),
  outcome: Type.Union([Type.Literal('ok'), Type.Literal('error')]),
  error: Type.Optional(Type.String()),
  data: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
})

export const JournalAppendSchema = Type.Object({
  /** The host that the events are of; one host never writes for another. */
  host: Text,
  events: Type.Array(JournalEventSchema, { maxItems: 10_000 }),
})

export const journalContract = contract('nimbo', 'journal', '1.0', {
  // A record of each would be the next one's content, for ever.
  append: cast(JournalAppendSchema, { routine: true }),
})
