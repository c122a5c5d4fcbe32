// A server's boot, told from what the journal holds of it. Nothing is filled in: a step without an event is missing.
import type { EventKind, JournalEvent } from '#kit/journal/journal.ts'
import { type BootStep, bootPhases, type Pattern, type Substep } from '../resources/boot-step.ts'

export type TraceStep = {
  /** 1 to 29; sub-steps have none. */
  number?: number
  title: string
  service?: string
  /** 'REST', 'RPC call', 'RPC cast', 'DB', 'driver' ... */
  kind?: string
  /** Of the message or the request. */
  id?: string
  /** Milliseconds since the first step of the boot. */
  startMs?: number
  durationMs?: number
  outcome?: 'ok' | 'error'
  error?: string
  /** Nothing in the journal tells of it. */
  missing?: true
  /** Why it was not needed. */
  skipped?: string
  /** Anything else worth knowing: that an answer was kept from before. */
  note?: string
  substeps: TraceStep[]
}

export type BootTrace = {
  server: TracedServer
  phases: { name: string; steps: TraceStep[] }[]
}

export type TracedServer = { id: string; name?: string; status?: string }

/** A token that is older than this was there before the boot, and does not count into its time. */
const tokenBelongsMs = 10_000

/**
 * `events` are those of the boot's trace, of its token's trace and of the server as their subject, in any order;
 * what concerns other servers is left out.
 */
export function bootTrace(events: readonly JournalEvent[], server: TracedServer): BootTrace {
  const own = `server:${server.id}`
  const mine = events
    .filter((event) => !event.subject?.startsWith('server:') || event.subject === own)
    .sort((a, b) => a.at - b.at)
  const find = openFinder(mine)
  const steps = bootPhases.flatMap((phase) => phase.steps)
  const chosen = new Map(steps.map((step) => [step.number, choose(step, mine, find)]))
  const zero = zeroOf(chosen)
  const phases = bootPhases.map(({ name, steps: inPhase }) => ({
    name,
    steps: inPhase.map((step) => describe(step, chosen, find, zero)),
  }))
  return { server, phases }
}

type Found = JournalEvent | undefined

type Finder = {
  /** All that fit and that came out of the step which the pattern names, oldest first. */
  all(pattern: Pattern): readonly JournalEvent[]
  /** The request by which the other side took a REST call up. */
  answering(event: JournalEvent): Found
}

function openFinder(events: readonly JournalEvent[]): Finder {
  const parents = new Map<string, string>()
  const requests = new Map<string, JournalEvent>()
  for (const event of events) {
    if (event.parentId === undefined) continue
    parents.set(event.spanId, event.parentId)
    if (event.kind === 'request') requests.set(event.parentId, event)
  }
  const comesFrom = (event: JournalEvent, spans: ReadonlySet<string>) => {
    const passed = new Set<string>()
    for (let span: string | undefined = event.spanId; span && !passed.has(span); span = parents.get(span)) {
      if (spans.has(span)) return true
      passed.add(span)
    }
    return false
  }
  const all = (pattern: Pattern): readonly JournalEvent[] => {
    const fitting = events.filter((event) => fits(event, pattern))
    if (pattern.within === undefined || fitting.length === 0) return fitting
    const spans = new Set(all(byNumber.get(pattern.within)!).map((event) => event.spanId))
    return fitting.filter((event) => comesFrom(event, spans))
  }
  return { all, answering: (event) => requests.get(event.spanId) }
}

function fits(event: JournalEvent, { services, kinds, name }: Pattern): boolean {
  return services.includes(event.service) && kinds.includes(event.kind) && name.test(event.name)
}

const byNumber = new Map(bootPhases.flatMap((phase) => phase.steps).map((step) => [step.number, step]))

/** The last one that fits: where a build was tried again on another host, the last try is what counts. */
function choose(step: BootStep, events: readonly JournalEvent[], find: Finder): Found {
  if (step.number <= 2) return chooseToken(step, events, find)
  return find.all(step).at(-1)
}

/** The token of this boot is the one whose audit id the POST came with; other logins may be in the same trace. */
function chooseToken(step: BootStep, events: readonly JournalEvent[], find: Finder): Found {
  const posted = find.all(byNumber.get(3)!).at(-1)
  const auditIds = posted?.data?.auditIds
  const [auditId] = Array.isArray(auditIds) ? auditIds : []
  const issued = find.all(byNumber.get(2)!).findLast((event) => event.data?.auditId === auditId)
  if (step.number === 2 || !issued || auditId === undefined) return auditId === undefined ? undefined : issued
  const requests = events.filter((event) => fits(event, step) && event.traceId === issued.traceId)
  return requests.find((event) => event.requestId === issued.requestId) ?? requests.at(-1)
}

function zeroOf(chosen: ReadonlyMap<number, Found>): number | undefined {
  const posted = chosen.get(3)
  const asked = chosen.get(1)
  if (posted && asked && posted.at - asked.at <= tokenBelongsMs) return Math.min(asked.at, posted.at)
  return posted?.at ?? [...chosen.values()].find((event) => event !== undefined)?.at
}

function describe(
  step: BootStep,
  chosen: ReadonlyMap<number, Found>,
  find: Finder,
  zero: number | undefined,
): TraceStep {
  const event = chosen.get(step.number)
  const substeps = (step.substeps ?? [])
    .flatMap((substep) => describeSubstep(substep, find, zero))
    .sort((a, b) => (a.startMs ?? 0) - (b.startMs ?? 0))
  const head = {
    number: step.number,
    title: step.title,
    service: step.services[0],
    kind: kindWords[step.kinds[0]!],
  }
  const skipped = skippedBecause(step, chosen)
  if (skipped !== undefined) return { ...head, skipped, substeps: [] }
  const own: TraceStep = event
    ? { ...head, ...shown(event, find, zero), substeps }
    : { ...head, missing: true, substeps }
  // What went wrong under a step went wrong in it.
  const failed = substeps.find((substep) => substep.outcome === 'error')
  return failed && own.outcome !== 'error' ? { ...own, outcome: 'error', error: failed.error } : own
}

function skippedBecause(step: BootStep, chosen: ReadonlyMap<number, Found>): string | undefined {
  const cached = step.unlessCached === undefined ? undefined : chosen.get(step.unlessCached)
  if (cached?.data?.cached === true) return `${cached.service} had the answer from an earlier request`
  const needed = step.unlessNeeded === undefined ? undefined : chosen.get(step.unlessNeeded)
  if (needed?.data?.needed !== false) return undefined
  return typeof needed.data.reason === 'string' ? needed.data.reason : 'not needed'
}

function describeSubstep(substep: Substep, find: Finder, zero: number | undefined): TraceStep[] {
  // Of steps that were tried again, the last try of each.
  const last = new Map(find.all(substep).map((event) => [event.name, event]))
  const { title, services, kinds } = substep
  if (last.size === 0 && substep.required)
    return [{ title, service: services[0], kind: kindWords[kinds[0]!], missing: true, substeps: [] }]
  return [...last.values()].map((event) => ({
    title: substep.each ? `${title}: ${event.name.replace(/^[^.]*\./, '')}` : title,
    ...shown(event, find, zero),
    substeps: [],
  }))
}

function shown(
  event: JournalEvent,
  find: Finder,
  zero: number | undefined,
): Omit<TraceStep, 'title' | 'substeps'> {
  const before = zero === undefined ? 0 : zero - event.at
  // Requests know their start to a millisecond only, so that a little before the first step is in it.
  const early = before > tokenBelongsMs / 2 ? `${Math.round(before / 1000)} s before the boot` : undefined
  return {
    service: event.service,
    kind: kindWords[event.kind],
    id: idOf(event, find),
    startMs: zero === undefined || early ? undefined : Math.max(0, event.at - zero),
    durationMs: event.durationMs,
    outcome: event.outcome,
    error: event.error,
    note: event.data?.cached === true ? 'answered from an earlier request' : early,
  }
}

function idOf(event: JournalEvent, find: Finder): string | undefined {
  const messageId = event.data?.messageId
  if (typeof messageId === 'string') return messageId
  return event.requestId ?? find.answering(event)?.requestId
}

const kindWords: Record<EventKind, string> = {
  request: 'REST',
  rest: 'REST',
  'rpc.call': 'RPC call',
  'rpc.cast': 'RPC cast',
  'rpc.consume': 'RPC consume',
  'rpc.reply': 'RPC reply',
  'rpc.result': 'RPC result',
  db: 'DB',
  task: 'task',
  driver: 'driver',
  decision: 'decision',
  notification: 'notification',
  token: 'token',
  audit: 'audit',
}
