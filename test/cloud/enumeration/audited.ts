// What the audit says of the writes that were asked for: who, on what, and how each ended.
import type { JournalEvent } from '#kit/journal/journal.ts'
import type { Caller } from './caller.ts'
import { type Answered, type AnyRoute, keyOf } from './route.ts'

export type Write = { route: AnyRoute; caller: Caller; answered: Answered }

type Entry = {
  action?: string
  target?: { type?: string; id?: string; within?: Record<string, string> }
  initiator?: { address?: string }
  status?: number
  policy?: { allowed: boolean }[]
}

/** By the catalog's name, where that is another one. */
const typeNames: Record<string, string> = { volume: 'block-storage' }

/** A line for each write whose entry is missing, doubled or wrong. */
export function auditGaps(type: string, writes: readonly Write[], events: readonly JournalEvent[]): string[] {
  const entries = Map.groupBy(
    events.filter(({ kind }) => kind === 'audit'),
    ({ requestId }) => requestId,
  )
  return writes.flatMap(({ route, caller, answered }) => {
    const found = entries.get(answered.headers['x-openstack-request-id']) ?? []
    const wrong =
      found.length === 1
        ? mistakes(type, found[0]!, { route, caller, answered })
        : [`${found.length} entries`]
    return wrong.map((what) => `${keyOf(route)} by ${caller.name}, ${answered.status}: ${what}`)
  })
}

function mistakes(type: string, event: JournalEvent, { route, caller, answered }: Write): string[] {
  const { action, target, initiator, status, policy } = (event.data ?? {}) as Entry
  const names = route.path.match(/:[^/]+/g)?.length ?? 0
  const told = [target?.id, ...Object.values(target?.within ?? {})].filter((id) => id)
  const should: [string, boolean][] = [
    ['who', event.userId === caller.userId && event.projectId === caller.projectId],
    ['from where', initiator?.address !== undefined],
    ['what was done', action !== undefined && action !== 'unknown'],
    ['on what kind', target?.type?.startsWith(`${typeNames[type] ?? type}/`) === true],
    ['on which', told.length >= names],
    [
      'how it ended',
      status === answered.status && event.outcome === (answered.status < 400 ? 'ok' : 'error'),
    ],
    ['which rule refused', answered.status !== 403 || policy?.some(({ allowed }) => !allowed) === true],
  ]
  return should
    .filter(([, right]) => !right)
    .map(([what]) => `it doesn't say ${what}: ${JSON.stringify(event.data).slice(0, 300)}`)
}
