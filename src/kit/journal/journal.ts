// The append-only record from which traces, audit, metering and explanations are read.
// This file is the interface that every layer uses; store.ts keeps it, ship.ts carries an agent's part to the controller.

/** W3C trace context of one piece of work. https://www.w3.org/TR/trace-context/ */
export type Trace = {
  readonly traceId: string // 32 hex characters
  readonly spanId: string // 16 hex characters
  readonly parentId?: string
  /** Work that comes round all the time, such as heart-beats: of its messages only those that fail are recorded. */
  readonly quiet?: true
}

export type EventKind =
  | 'request' // an API request answered by a service
  | 'rest' // an API request sent by a service or an agent
  | 'rpc.call'
  | 'rpc.cast'
  | 'rpc.consume'
  | 'rpc.reply'
  | 'rpc.result'
  | 'db'
  | 'task'
  | 'driver'
  | 'decision'
  | 'notification'
  | 'token'
  | 'audit' // what somebody changed or tried to, kept apart from the rest and longer

export type JournalEvent = {
  id: string
  /** Milliseconds since the epoch, with fractions. */
  at: number
  kind: EventKind
  /** What happened, stable: 'POST /v2.1/servers', 'scheduler.select', 'token.validate'. */
  name: string
  /** Who: 'nova-api', 'nova-compute', 'keystone'. */
  service: string
  host: string
  traceId: string
  spanId: string
  parentId?: string
  requestId?: string
  projectId?: string
  userId?: string
  /** What it concerns: 'server:<uuid>', 'port:<uuid>'. */
  subject?: string
  durationMs?: number
  outcome: 'ok' | 'error'
  /** The message a caller may see. */
  error?: string
  /** Facts worth keeping; never a secret, a token or a password. */
  data?: Record<string, unknown>
}

/** What a caller gives; id, time, host and trace are filled in. */
export type NewEvent = Omit<
  JournalEvent,
  'id' | 'at' | 'host' | 'service' | 'traceId' | 'spanId' | 'parentId' | 'outcome'
> & {
  /** Where whoever looks for it knows one: the UUID of a request's id. Nothing else may have it. */
  id?: string
  at?: number
  service?: string
  outcome?: 'ok' | 'error'
}

export type Journal = {
  /** Never throws and never waits: the write is gathered and done off the request's path. */
  record(trace: Trace, event: NewEvent): void
  /** Runs `work` in a child span and records it with its duration and outcome. */
  span<T>(trace: Trace, event: NewEvent, work: (child: Trace) => Promise<T>): Promise<T>
  newTrace(): Trace
  childOf(parent: Trace): Trace
  /** The same journal, with another service's name on what it records. */
  as(service: string): Journal
  /** Resolves when all that was recorded is stored. */
  flush(): Promise<void>
}

/** The same work, as what comes round all the time. */
export function quiet(trace: Trace): Trace {
  return { ...trace, quiet: true }
}

/** The same work, as what somebody asked for. */
export function loud(trace: Trace): Trace {
  if (!trace.quiet) return trace
  const { quiet: _, ...rest } = trace
  return rest
}

/** `00-<trace>-<span>-01`, the `traceparent` header; its last digit says whether the sender records it. */
export function formatTraceparent(trace: Trace): string {
  return `00-${trace.traceId}-${trace.spanId}-0${trace.quiet ? 0 : 1}`
}

/** The sender's span, or undefined where the header is absent or malformed. Loud: what a sender doesn't record, others may. */
export function parseTraceparent(header: string | undefined): Trace | undefined {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(header ?? '')
  return match ? { traceId: match[1]!, spanId: match[2]! } : undefined
}

/** The same, quiet where its sender says so. */
export function parseQuietTraceparent(header: string | undefined): Trace | undefined {
  const trace = parseTraceparent(header)
  return trace && /[02468ace]$/.test(header!) ? quiet(trace) : trace
}
