// The life of a request in one place: id and trace, version, limits, token, policy, body, the op, the answer or its fault,
// the journal and the audit.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CloudError, fullMessage } from '../errors/cloud-error.ts'
import { parseTraceparent, type Trace } from '../journal/journal.ts'
import type { Log } from '../log/log.ts'
import { checkAccess } from './access-rule.ts'
import { addressOf, peerOf, within } from './address.ts'
import { type AuditNote, auditEvent, writes } from './audit.ts'
import { type Caller, nobody } from './caller.ts'
import { crossOrigin } from './cors.ts'
import { type Decisions, decisionsOf } from './decision.ts'
import { toCloudError } from './fault.ts'
import { isJson, readJson } from './json.ts'
import { lingerOn } from './linger.ts'
import { queryOf } from './query.ts'
import type { Buckets, Limits } from './rate.ts'
import { faultContext, header, isStream, send, sendBody } from './reply.ts'
import { Answer, type Context, type Reply, type Route } from './route.ts'
import type { ServiceSpec } from './server.ts'
import { holds, negotiate, showVersion, type Version } from './version.ts'

/** Routes that share method and path: versions of one call, and actions told apart by the body's key. */
export type Group<App> = {
  method: string
  url: string
  label: string
  routes: Route<App>[]
  /** The prefix names a project: that of the caller's token. */
  ofProject: boolean
  /** Which of its routes is meant stands in the body. */
  acts: boolean
  /** Of a path that has no such method: those that it has. Such a group has no routes. */
  allow?: { methods: string; public: boolean }
}

/** What `govern` sets, for all requests from then on. */
export type Governed = { limits: Limits; projects: Buckets | undefined; addresses: Buckets | undefined }

/** A request that fastify itself refuses goes through here too, with `refused`: it is answered and recorded as any other. */
export async function serve<App>(
  spec: ServiceSpec<App>,
  governed: Governed,
  group: Group<App> | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
  refused?: CloudError,
) {
  const end = spec.world.activity.begin()
  const requestId = newRequestId(spec)
  const incoming = parseTraceparent(header(request, 'traceparent'))
  const trace = incoming ? spec.journal.childOf(incoming) : spec.journal.newTrace()
  const started = spec.world.clock.monotonic()
  const headers: Record<string, string | string[]> = { 'x-openstack-request-id': requestId }
  for (const name of spec.requestIdHeaders ?? []) headers[name] = requestId
  const address = addressOf(request, governed.limits.trustedProxies)
  const cross = crossOrigin(governed.limits.allowedOrigins, request)
  if (cross) Object.assign(headers, cross.headers, { vary: 'Origin' })
  let caller: Caller = nobody
  let decisions: Decisions | undefined
  let note: AuditNote | undefined
  let route: Route<App> | undefined
  let answered: unknown
  let negotiated: Version | undefined
  let failure: CloudError | undefined
  let status = 500
  try {
    if (refused) throw refused
    if (cross?.preflight) {
      status = 200
      reply.code(status).headers(headers).send()
      return reply
    }
    negotiated = negotiateVersion(spec, request, headers)
    if (cross) headers.vary = [headers.vary ?? [], 'Origin'].flat()
    if (address !== within) governed.addresses?.take(address, started)
    // An unknown path says so only to those who may ask at all.
    const wantsToken = !group || !(group.allow?.public ?? group.routes.every(isPublic))
    if (wantsToken) caller = await authenticate(spec, request, trace, group === undefined)
    // Other services ask for their users.
    if (caller.projectId && !caller.roles.includes('service'))
      governed.projects?.take(caller.projectId, started)
    if (group?.ofProject) requireOwnProject(caller, request)
    if (group?.allow)
      throw new CloudError('methodNotAllowed', 'The method is not allowed for the requested URL.', {
        headers: { allow: group.allow.methods },
      })
    const read = bodyReader(spec, governed, group, request)
    route = choose(group, negotiated, group?.acts ? await read() : undefined)
    decisions = decisionsOf(spec.policy, caller)
    if (typeof route.policy === 'object') decisions.authorize(route.policy, ownTarget(caller))
    spec.admit?.({ method: request.method, headers: request.headers, route })
    const audit = (more: AuditNote) => {
      note = { ...note, ...more }
    }
    const context = contextOf(spec, request, { caller, trace, requestId, negotiated, decisions, audit })
    const given = await read()
    const result = await route.handle(context, {
      params: request.params as Record<string, string>,
      query: queryOf(request.raw.url ?? ''),
      body: parseBody(route, given, request, negotiated),
      headers: request.headers as Record<string, string | undefined>,
      stream: isStream(given) ? given : undefined,
      from: peerOf(request),
    })
    const answer: Reply = result instanceof Answer ? result.reply : { body: result }
    answered = answer.body
    status = answer.status ?? route.status ?? (answer.body === undefined ? 204 : 200)
    reply.headers(headers)
    if (answer.headers) reply.headers(answer.headers)
    reply.code(status)
    sendBody(reply, answer.body, request.method, answer.spent)
  } catch (thrown) {
    failure = toCloudError(thrown, requestId)
    status = failure.status
    const at = faultContext(request, requestId, negotiated)
    const fault =
      failure === unrouted && spec.faults.unrouted ? spec.faults.unrouted(at) : spec.faults.fault(failure, at)
    if (failure.kind === 'internal')
      spec.log.error(
        { requestId, error: fullMessage(thrown), stack: (thrown as Error)?.stack },
        'a request failed unexpectedly',
      )
    else if (failure.detail) spec.log.debug({ requestId, detail: failure.detail }, failure.message)
    if (status === 401) headers['www-authenticate'] = `Keystone uri="${spec.authUri()}"`
    send(reply, fault, { ...headers, ...failure.headers })
  } finally {
    end()
    lingerOn(request.raw, reply.raw, spec.world.timers)
    const write = writes(request.method)
    const policy = decisions?.facts(write || failure !== undefined)
    spec.journal.record(trace, {
      kind: 'request',
      service: spec.name,
      name: group?.label ?? `${request.method} (no such path)`,
      // By which it is found again.
      id: requestId.slice('req-'.length),
      requestId,
      projectId: caller.projectId,
      userId: caller.userId || undefined,
      durationMs: spec.world.clock.monotonic() - started,
      at: spec.world.clock.now() - (spec.world.clock.monotonic() - started),
      outcome: failure && failure.status >= 500 ? 'error' : 'ok',
      error: failure?.message,
      data: {
        status,
        address,
        ...(policy && { policy }),
        ...(caller.auditIds.length > 0 && { auditIds: caller.auditIds }),
        // What let a reader in names its role; where there was more to decide, all of them are told.
        ...((write || failure) && caller.userId !== '' && { roles: caller.roles }),
      },
    })
    // Whoever isn't known can't fill the audit by what is refused, but where it is about who it is.
    const audited = route ?? group?.routes[0]
    if (write && group && audited && (caller.userId || note || status < 400)) {
      spec.journal.record(
        trace,
        auditEvent({
          type: spec.types?.[0] ?? spec.name,
          route: audited,
          label: group.label,
          params: request.params as Record<string, string>,
          caller,
          address,
          agent: header(request, 'user-agent'),
          requestId,
          globalRequestId: globalRequestId(header(request, 'x-openstack-request-id')),
          status,
          body: answered,
          error: failure?.message,
          policy,
          note,
        }),
      )
    }
  }
  // Without it fastify takes the request for answered with nothing, and cuts off a body that streams.
  return reply
}

const isPublic = ({ policy }: { policy: unknown }) => policy === 'public'

const unrouted = new CloudError('notFound', 'The resource could not be found.')

function negotiateVersion<App>(
  spec: ServiceSpec<App>,
  request: FastifyRequest,
  headers: Record<string, string | string[]>,
): Version | undefined {
  const { microversions } = spec
  if (!microversions) return undefined
  const result = negotiate(microversions, request.headers)
  const { type, legacyHeader, min, max, refusal, vary = 'OpenStack-API-Version' } = microversions
  headers.vary = legacyHeader ? [vary, legacyHeader] : vary
  const shown = 'version' in result ? showVersion(result.version) : result.asked
  headers['openstack-api-version'] = `${type} ${shown}`
  if (legacyHeader) headers[legacyHeader.toLowerCase()] = shown
  if ('version' in result) return result.version
  throw result.refused === 'malformed'
    ? new CloudError(
        'badRequest',
        refusal?.malformed(result.asked) ??
          `API Version String ${result.asked} is of invalid format. Must be of format MajorNum.MinorNum.`,
      )
    : new CloudError(
        'notAcceptable',
        refusal?.outOfRange(result.asked) ??
          `Version ${result.asked} is not supported by the API. Minimum is ${min} and maximum is ${max}.`,
        {
          body: { min_version: min, max_version: max },
        },
      )
}

async function authenticate<App>(
  spec: ServiceSpec<App>,
  request: FastifyRequest,
  trace: Trace,
  optional: boolean,
): Promise<Caller> {
  const token = header(request, 'x-auth-token')
  if (!token) {
    if (optional) return nobody
    throw new CloudError('unauthorized', 'The request you have made requires authentication.')
  }
  const serviceToken = header(request, 'x-service-token')
  const caller = await spec.authenticate(token, { trace, journal: spec.journal, serviceToken })
  const path = (request.raw.url ?? '').split('?')[0]!
  checkAccess(caller.accessRules, spec.types ?? [], { method: request.method, path })
  return caller
}

function choose<App>(group: Group<App> | undefined, at: Version | undefined, given: unknown): Route<App> {
  if (!group) throw unrouted
  const live = group.routes.filter((route) => holds(route, at))
  if (live.length === 0) throw new CloudError('notFound', 'The resource could not be found.')
  const withAction = live.filter((route) => route.action !== undefined)
  if (withAction.length === 0) return live[0]!
  const keys = typeof given === 'object' && given !== null && !isStream(given) ? Object.keys(given) : []
  if (keys.length !== 1)
    throw new CloudError(
      'badRequest',
      'Multiple actions or no action requested: the body must have exactly one key',
    )
  const route = withAction.find((candidate) => candidate.action === keys[0])
  if (!route) throw new CloudError('badRequest', `There is no such action: ${keys[0]}`)
  return route
}

/** Reads the body once, whoever asks first: JSON as a value, anything else as the unread stream, none as undefined. */
function bodyReader<App>(
  spec: ServiceSpec<App>,
  { limits }: Governed,
  group: Group<App> | undefined,
  request: FastifyRequest,
): () => unknown {
  const { body } = request
  if (!isStream(body) || !isJson(header(request, 'content-type'))) return () => body
  const own = group?.routes.map((route) => route.bodyLimit ?? 0) ?? []
  const limit = Math.max(spec.bodyLimit ?? limits.bodyLimit, ...own)
  const announced = header(request, 'content-length')
  let reading: Promise<unknown> | undefined
  return () => {
    reading ??= readJson(body, announced === undefined ? -1 : Number(announced), limit)
    return reading
  }
}

/** Another service that acts for a user has its own project in its token, and names the user's. */
function requireOwnProject(caller: Caller, request: FastifyRequest): void {
  const { project_id: named } = request.params as Record<string, string>
  if (named === caller.projectId || caller.roles.includes('service')) return
  throw new CloudError(
    'badRequest',
    `Malformed request URL: URL's project_id '${named}' doesn't match Context's project_id '${caller.projectId ?? ''}'`,
  )
}

/** What the caller makes is the caller's own: the target of a rule before any object is at hand. */
function ownTarget(caller: Caller): Record<string, unknown> {
  return {
    project_id: caller.projectId,
    tenant_id: caller.projectId,
    user_id: caller.userId,
    domain_id: caller.domainId,
  }
}

type Known = {
  caller: Caller
  trace: Trace
  requestId: string
  negotiated: Version | undefined
  decisions: Decisions
  audit: (note: AuditNote) => void
}

function contextOf<App>(spec: ServiceSpec<App>, request: FastifyRequest, known: Known): Context<App> {
  const { caller, trace, requestId, decisions, audit } = known
  let log: Log | undefined
  return {
    app: spec.app,
    caller,
    trace,
    requestId,
    journal: spec.journal,
    // Most requests have nothing to say in the log.
    get log() {
      log ??= spec.log.with({ requestId })
      return log
    },
    version: known.negotiated,
    globalRequestId: globalRequestId(header(request, 'x-openstack-request-id')),
    origin: `${request.protocol}://${request.host}`,
    authorize: decisions.authorize,
    allows: decisions.allows,
    audit,
  }
}

function parseBody<App>(
  route: Route<App>,
  given: unknown,
  request: FastifyRequest,
  at: Version | undefined,
): unknown {
  if (route.body === undefined || route.body === 'stream') return given
  if (isStream(given)) {
    throw new CloudError(
      'unsupportedMedia',
      `The media type ${header(request, 'content-type') ?? '(none)'} is not supported; send application/json`,
    )
  }
  return route.body.parse(given === undefined ? {} : given, at)
}

/** A client's own request id is kept only in the form that OpenStack's clients send. */
function globalRequestId(given: string | undefined): string | undefined {
  return given && /^req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(given) ? given : undefined
}

function newRequestId<App>(spec: ServiceSpec<App>): string {
  return `req-${spec.world.random.uuid()}`
}
