// Lists of recorded events.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { JournalEvent } from '#kit/journal/journal.ts'
import type { JournalContext } from '../app.ts'

const mostEvents = 1_000
const known = ['trace_id', 'subject', 'name', 'since', 'until', 'limit']

export async function listEvents(context: JournalContext, query: Query): Promise<JournalEvent[]> {
  const unknown = query.names().find((name) => !known.includes(name))
  if (unknown)
    throw new CloudError('badRequest', `There is no filter '${unknown}'; known: ${known.join(', ')}`)
  const limit = number(query, 'limit') ?? mostEvents
  if (limit < 1 || limit > mostEvents)
    throw new CloudError('badRequest', `limit must be from 1 to ${mostEvents}`)
  await context.app.journal.flush()
  return context.app.store.query({
    traceId: query.get('trace_id'),
    subject: query.get('subject'),
    names: query.has('name') ? query.all('name') : undefined,
    since: number(query, 'since'),
    until: number(query, 'until'),
    limit,
    newest: true,
  })
}

function number(query: Query, name: string): number | undefined {
  const text = query.get(name)
  if (text === undefined) return undefined
  const value = Number(text)
  if (text === '' || !Number.isFinite(value))
    throw new CloudError('badRequest', `${name} must be a number, not '${text}'`)
  return value
}
