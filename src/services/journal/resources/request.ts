// One request as the journal kept it: who asked for what, and which rules of the policy were asked about it.
import type { DecisionFact } from '#kit/http/decision.ts'
import { view } from '#kit/http/view.ts'
import type { JournalEvent } from '#kit/journal/journal.ts'

/** What kit/http records of a request. */
export type RequestFacts = {
  status?: number
  address?: string
  roles?: readonly string[]
  policy?: readonly DecisionFact[]
}

export const factsOf = (event: JournalEvent): RequestFacts => (event.data ?? {}) as RequestFacts

export const requestView = view<JournalEvent>()({
  id: (e) => e.requestId,
  at: (e) => new Date(e.at).toISOString(),
  service: (e) => e.service,
  host: (e) => e.host,
  /** Method and path, with the names of its parts in the place of their values. */
  call: (e) => e.name,
  status: (e) => factsOf(e).status,
  error: (e) => e.error,
  duration_ms: (e) => e.durationMs,
  trace_id: (e) => e.traceId,
  user_id: (e) => e.userId,
  project_id: (e) => e.projectId,
  roles: (e) => factsOf(e).roles,
  address: (e) => factsOf(e).address,
  /** In the order in which they were asked; the last refusal is what ended a request that was answered 403 or 404. */
  policy: (e) => factsOf(e).policy ?? [],
})
