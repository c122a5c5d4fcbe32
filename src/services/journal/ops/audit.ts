// The audit, newest last: who changed what, or tried to.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { JournalEvent } from '#kit/journal/journal.ts'
import type { JournalContext } from '../app.ts'
import { auditFactsOf } from '../resources/cadf.ts'
import { limitOf, number, refuseUnknown } from './event.ts'

const filters = ['user_id', 'user', 'project_id', 'request_id', 'action', 'target', 'service', 'outcome']
const known = [...filters, 'since', 'until', 'limit']
/** So many are looked at a time, and so many times, before a filter that fits hardly anything gives up. */
const page = 1_000
const mostPages = 100

/** Filters besides the time: exact, but for `action` and `target`, which also fit what stands below them. */
export async function listAudit(context: JournalContext, query: Query): Promise<JournalEvent[]> {
  refuseUnknown(query, known)
  const outcome = query.get('outcome')
  if (outcome !== undefined && outcome !== 'success' && outcome !== 'failure')
    throw new CloudError('badRequest', `outcome must be success or failure, not '${outcome}'`)
  const limit = limitOf(query)
  const since = number(query, 'since')
  let until = number(query, 'until')
  await context.app.journal.flush()
  const found: JournalEvent[] = []
  const seen = new Set<string>()
  for (let pages = 0; pages < mostPages && found.length < limit; pages++) {
    const some = await context.app.store.query({ kinds: ['audit'], since, until, limit: page, newest: true })
    const fresh = some.filter((event) => !seen.has(event.id))
    for (const event of fresh.toReversed()) {
      seen.add(event.id)
      if (found.length < limit && fits(event, query)) found.push(event)
    }
    if (some.length < page || fresh.length === 0) break
    // Those of the oldest instant may go on on the next page.
    until = some[0]!.at + 0.001
  }
  return found.toReversed()
}

function fits(event: JournalEvent, query: Query): boolean {
  const { action, target, initiator } = auditFactsOf(event)
  const place = target.id === undefined ? target.type : `${target.type}/${target.id}`
  const named = [target.id, ...Object.values(target.within ?? {})]
  return (
    equals(query, 'user_id', event.userId) &&
    equals(query, 'user', initiator.name) &&
    equals(query, 'project_id', event.projectId) &&
    equals(query, 'request_id', event.requestId) &&
    equals(query, 'service', event.service) &&
    equals(query, 'outcome', event.outcome === 'ok' ? 'success' : 'failure') &&
    below(query.get('action'), action) &&
    (below(query.get('target'), place) || named.includes(query.get('target')))
  )
}

function equals(query: Query, name: string, value: string | undefined): boolean {
  return !query.has(name) || query.get(name) === value
}

/** 'update' fits 'update/os-start', too. */
function below(wanted: string | undefined, value: string): boolean {
  return wanted === undefined || value === wanted || value.startsWith(`${wanted}/`)
}
