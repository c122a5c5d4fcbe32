// Routes of the journal.
import { view } from '#kit/http/view.ts'
import type { JournalEvent } from '#kit/journal/journal.ts'
import { route } from '../app.ts'
import { listAudit } from '../ops/audit.ts'
import { bootTrace } from '../ops/boot-trace.ts'
import { listEvents } from '../ops/event.ts'
import { showRequest } from '../ops/request.ts'
import { serverEvents } from '../ops/server-events.ts'
import { cadfView } from '../resources/cadf.ts'
import { requestView } from '../resources/request.ts'
import { journalRules } from '../rule.ts'

const eventView = view<JournalEvent>()({
  id: (e) => e.id,
  at: (e) => new Date(e.at).toISOString(),
  kind: (e) => e.kind,
  name: (e) => e.name,
  service: (e) => e.service,
  host: (e) => e.host,
  trace_id: (e) => e.traceId,
  span_id: (e) => e.spanId,
  parent_id: (e) => e.parentId,
  request_id: (e) => e.requestId,
  project_id: (e) => e.projectId,
  user_id: (e) => e.userId,
  subject: (e) => e.subject,
  duration_ms: (e) => e.durationMs,
  outcome: (e) => e.outcome,
  error: (e) => e.error,
  data: (e) => e.data,
})

export const journalRoutes = [
  route('GET', '/', {
    policy: 'public',
    root: true,
    handle: async ({ origin }) => ({
      versions: [{ id: 'v1.0', status: 'CURRENT', links: [{ rel: 'self', href: `${origin}/v1/` }] }],
    }),
  }),
  route('GET', '/events', {
    policy: journalRules.listEvents,
    handle: async (context, { query }) => ({
      events: (await listEvents(context, query)).map((event) => eventView(event)),
    }),
  }),
  route('GET', '/audit', {
    policy: journalRules.listAudit,
    handle: async (context, { query }) => ({
      events: (await listAudit(context, query)).map((event) => cadfView(event)),
    }),
  }),
  route('GET', '/requests/:request_id', {
    policy: 'token',
    handle: async (context, { params }) => ({
      request: requestView(await showRequest(context, params.request_id!)),
    }),
  }),
  route('GET', '/servers/:id/boot-trace', {
    policy: 'token',
    handle: async (context, { params }) =>
      bootTrace(await serverEvents(context, params.id!), { id: params.id! }),
  }),
]
