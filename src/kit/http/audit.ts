// The audit of one request that may have changed something: who, from where, what they did, on what, and how it ended.
// Kept in CADF's terms (DMTF DSP0262); bodies aren't kept, so that no secret of theirs can be.
import type { NewEvent } from '../journal/journal.ts'
import { scopeOf } from '../policy/engine.ts'
import type { Caller } from './caller.ts'
import type { DecisionFact } from './decision.ts'
import type { Route } from './route.ts'

/** What a service knows better than the request says: who tries to log in, what was made. */
export type AuditNote = {
  initiator?: { userId?: string; name?: string; projectId?: string }
  target?: { type?: string; id?: string; name?: string }
  /** In the place of what follows from the method: 'authenticate'. */
  action?: string
}

export type Audited = {
  /** 'compute', as the catalog calls the service. */
  type: string
  route: Pick<Route<never>, 'method' | 'path' | 'action'>
  label: string
  params: Readonly<Record<string, string>>
  caller: Caller
  address: string
  agent: string | undefined
  requestId: string
  globalRequestId: string | undefined
  status: number
  /** What was answered, for the id of what was made. */
  body: unknown
  error: string | undefined
  policy: readonly DecisionFact[] | undefined
  note: AuditNote | undefined
}

export function writes(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS'
}

export function auditEvent(of: Audited): NewEvent {
  const { caller, note, status } = of
  const made = madeBy(of)
  const named = namesOf(of)
  const { id } = made === undefined ? (named.pop() ?? {}) : { id: made }
  const within = named.length === 0 ? undefined : Object.fromEntries(named.map((each) => [each.of, each.id]))
  const target = { type: `${of.type}/${typeOf(of.route.path)}`, id, within, ...note?.target }
  const userId = (note?.initiator?.userId ?? caller.userId) || undefined
  return {
    kind: 'audit',
    name: of.label,
    requestId: of.requestId,
    projectId: note?.initiator?.projectId ?? caller.projectId,
    userId,
    subject: target.id === undefined ? target.type : `${target.type}:${target.id}`,
    outcome: status < 400 ? 'ok' : 'error',
    error: of.error,
    data: {
      action: note?.action ?? actionOf(of.route),
      target,
      initiator: {
        name: (note?.initiator?.name ?? caller.userName) || undefined,
        roles: caller.userId ? caller.roles : undefined,
        scope: scopeOf(caller),
        domainId: caller.domainId,
        auditId: caller.auditIds[0],
        address: of.address,
        agent: of.agent?.slice(0, 200),
      },
      globalRequestId: of.globalRequestId,
      status,
      policy: of.policy,
    },
  }
}

/** CADF's taxonomy; an action of a resource stands below `update`. */
function actionOf({ method, action, path }: Audited['route']): string {
  if (action !== undefined) return `update/${action}`
  // A PUT and a POST to something of a thing that is there: '/v2/images/:id/file'.
  if (method === 'POST' && path.endsWith('/action')) return 'update'
  return { POST: 'create', PUT: 'update', PATCH: 'update', DELETE: 'delete' }[method as 'POST'] ?? 'unknown'
}

/** The fixed parts of the path: '/servers/:id/tags/:tag' is 'servers/tags'. */
function typeOf(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== 'action' && !part.startsWith(':'))
  return parts.join('/') || 'root'
}

/** What was made, as the answer has it. */
function madeBy({ route, body }: Audited): string | undefined {
  return route.method === 'POST' && route.action === undefined ? madeId(body) : undefined
}

/**
 * What the path names, in its order: of '/projects/:project_id/users/:user_id/roles/:role_id' three, each by the word
 * before it. Which role it was says little without whose, and where.
 */
function namesOf({ route, params }: Audited): { of: string; id: string }[] {
  const parts = route.path.split('/')
  return parts.flatMap((part, at) => {
    if (!part.startsWith(':')) return []
    const id = params[part.slice(1)]
    const before = parts[at - 1] ?? ''
    return id === undefined
      ? []
      : [{ of: before === '' || before.startsWith(':') ? part.slice(1) : before, id }]
  })
}

function madeId(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || Buffer.isBuffer(body)) return undefined
  const own = body as Record<string, unknown>
  const direct = own.id ?? own.uuid
  if (typeof direct === 'string') return direct
  const keys = Object.keys(own)
  const inner = keys.length === 1 ? own[keys[0]!] : undefined
  if (typeof inner !== 'object' || inner === null) return undefined
  const { id } = inner as Record<string, unknown>
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
}
