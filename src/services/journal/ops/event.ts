// Lists of recorded events.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { JournalEvent } from '#kit/journal/journal.ts'
import type { JournalContext } from '../app.ts'

const mostEvents = 1_000
const known = ['trace_id', 'subject', 'name', 'since', 'until', 'limit']

export async function listEvents(context: JournalContext, query: Query): Promise<JournalEvent[]> {
  refuseUnknown(query, known)
  const limit = limitOf(query)
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

export function refuseUnknown(query: Query, names: readonly string[]): void {
  const unknown = query.names().find((name) => !names.includes(name))
  if (unknown)
    throw new CloudError('badRequest', `There is no filter '${unknown}'; known: ${names.join(', ')}`)
}

export function limitOf(query: Query): number {
  const limit = number(query, 'limit') ?? mostEvents
  if (!Number.isInteger(limit) || limit < 1 || limit > mostEvents)
    throw new CloudError('badRequest', `limit must be from 1 to ${mostEvents}`)
  return limit
}

export function number(query: Query, name: string): number | undefined {
  const text = query.get(name)
  if (text === undefined) return undefined
  const value = Number(text)
  if (text === '' || !Number.isFinite(value))
    throw new CloudError('badRequest', `${name} must be a number, not '${text}'`)
  return value
}
