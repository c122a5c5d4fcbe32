// Everything that was recorded of one server's boot: the events of its traces, and the login that came before.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { JournalEvent } from '#kit/journal/journal.ts'
import type { JournalContext } from '../app.ts'
import { journalRules } from '../rule.ts'

/** A boot has a few hundred events; a server that lives long has more, of which the first ones matter here. */
const mostEvents = 5_000
/** A token may have been issued long before the server was asked for. */
const loginWindowMs = 24 * 3_600_000
const create = 'POST /v2.1/servers'

/** Kind 'notFound' where nothing is recorded of it, or where it is another project's. */
export async function serverEvents(context: JournalContext, serverId: string): Promise<JournalEvent[]> {
  const { store, journal } = context.app
  await journal.flush()
  const own = await store.query({ subject: `server:${serverId}`, limit: mostEvents })
  const boot = own.find((event) => event.name === 'server.insert') ?? own[0]
  const inTrace = boot ? await store.query({ traceId: boot.traceId, limit: mostEvents }) : []
  // Whose it is: other requests of the trace come from service users, and what agents record has no project.
  const owner = inTrace.find((event) => event.kind === 'request' && event.name === create)?.projectId
  if (own.length === 0 || !context.allows(journalRules.showTrace, { project_id: owner })) {
    throw new CloudError('notFound', `Nothing is recorded of a server ${serverId}`)
  }
  const seen = new Set(inTrace.map((event) => event.id))
  const events = [...inTrace, ...own.filter((event) => !seen.has(event.id))]
  const login = await loginBefore(context, inTrace)
  return [...login, ...events].sort((a, b) => a.at - b.at)
}

/** The token that the create came with, by its audit id. */
async function loginBefore(context: JournalContext, boot: JournalEvent[]): Promise<JournalEvent[]> {
  const posted = boot.find((event) => event.name === create)
  const auditIds = posted?.data?.auditIds
  if (!posted || !Array.isArray(auditIds)) return []
  const { store } = context.app
  const issues = await store.query({
    names: ['token.issue'],
    since: posted.at - loginWindowMs,
    // Requests know their start to a millisecond only; the audit id decides.
    until: posted.at + 1000,
    limit: mostEvents,
    newest: true,
  })
  const issue = issues.findLast((event) => event.data?.auditId === auditIds[0])
  if (!issue) return []
  return (await store.query({ traceId: issue.traceId, limit: 100 })).filter(
    (event) => event.traceId !== posted.traceId,
  )
}
