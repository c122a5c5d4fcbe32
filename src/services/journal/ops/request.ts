// What is recorded of one request.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { JournalEvent } from '#kit/journal/journal.ts'
import type { JournalContext } from '../app.ts'
import { journalRules } from '../rule.ts'

/** Kind 'notFound' where nothing is recorded of it, or where somebody else made it. */
export async function showRequest(context: JournalContext, requestId: string): Promise<JournalEvent> {
  const { store, journal } = context.app
  await journal.flush()
  const [event] = await store.query({ id: requestId.replace(/^req-/, ''), kinds: ['request'], limit: 1 })
  if (!event || !context.allows(journalRules.showRequest, { user_id: event.userId ?? null }))
    throw new CloudError('notFound', `Nothing is recorded of a request ${requestId}`)
  return event
}
