// One service's HTTP face: fastify underneath, and the life of a request in one place:
// id and trace, version, token, policy, body, the op, the answer or its fault, the journal.

import { createServer, type Server } from 'node:http'
import type { Readable } from 'node:stream'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { CloudError, fullMessage } from '../errors/cloud-error.ts'
import { type Journal, parseTraceparent, type Trace } from '../journal/journal.ts'
import type { Log } from '../log/log.ts'
import type { Enforcer } from '../policy/policy.ts'
import type { World } from '../world/world.ts'
import { checkAccess } from './access-rule.ts'
import type { Caller } from './caller.ts'
import { nobody } from './caller.ts'
import { type FaultFormat, toCloudError } from './fault.ts'
import { queryOf } from './query.ts'
import { Answer, type Context, type Reply, type Route } from './route.ts'
import { holds, type Microversions, negotiate, showVersion, type Version } from './version.ts'

export type Authenticate = (token: string, at: { trace: Trace; journal: Journal }) => Promise<Caller>

export type ServiceSpec<App> = {
  /** As the journal and operators know it: 'nova-api', 'keystone'. */
  name: string
  app: App
  world: World
  log: Log
  journal: Journal
  routes: readonly Route<App>[]
  /** Paths under which the routes stand: ['/v2.1', '/v2.1/:project_id']; the first one names them in the journal. */
  prefixes: readonly string[]
  faults: FaultFormat
  policy: Enforcer
  authenticate: Authenticate
  /** Its names in the catalog, as access rules of application credentials name it: ['volumev3', 'block-storage']. */
  types?: readonly string[]
  /** What a 401 tells the client: `Keystone uri="..."`. */
  authUri: () => string
  microversions?: Microversions
  /** Bytes of a JSON body; the default is 1 MiB. */
  bodyLimit?: number
  /** Headers in which this service repeats the request id, besides X-Openstack-Request-Id. */
  requestIdHeaders?: readonly string[]
}

export type HttpRequest = {
  method: string
  url: string
  headers: Record<string, string>
  body?: string | Buffer | Readable
  /** Leaves the answer's body unread, as `stream`. */
  stream?: boolean
}
export type HttpAnswer = { status: number; headers: Record<string, string>; body: Buffer; stream?: Readable }

export type HttpService = {
  readonly name: string
  readonly routes: readonly Route<never>[]
  /** Runs a request through the router without a socket; policy and validation are never skipped. */
  inject(request: HttpRequest): Promise<HttpAnswer>
  listen(address: { host: string; port: number }): Promise<{ host: string; port: number }>
  close(): Promise<void>
}

const headersTimeoutMs = 20_000

export async function httpService<App>(spec: ServiceSpec<App>): Promise<HttpService> {
  const server = fastify({
    logger: false,
    bodyLimit: spec.bodyLimit ?? 1024 * 1024,
    // A client that sends its headers or body a byte at a time must not hold a connection for ever.
    connectionTimeout: 0,
    requestTimeout: 0,
    keepAliveTimeout: 75_000,
    routerOptions: { maxParamLength: 4096, ignoreTrailingSlash: true, caseSensitive: true },
    forceCloseConnections: true,
    exposeHeadRoutes: false,
  })
  server.server.headersTimeout = headersTimeoutMs
  bodyParsers(server)
  for (const group of grouped(spec)) {
    server.route({
      method: group.method,
      url: group.url,
      handler: (request, reply) => serve(spec, group, request, reply),
    })
  }
  server.setNotFoundHandler((request, reply) => serve(spec, undefined, request, reply))
  server.setErrorHandler((error, request, reply) => {
    const at = faultContext(request, newRequestId(spec), undefined)
    send(reply, spec.faults.fault(fromFastify(error as Error & { statusCode?: number }), at), {
      'x-openstack-request-id': at.requestId,
    })
  })
  await server.ready()
  const aliases: Server[] = []

  return {
    name: spec.name,
    routes: spec.routes as readonly Route<never>[],
    async inject(request) {
      const result = await server.inject({
        method: request.method as 'GET',
        url: request.url,
        headers: request.headers,
        payload: request.body,
        payloadAsStream: request.stream ?? false,
      })
      const { statusCode: status } = result
      const headers = flatten(result.headers)
      if (request.stream) return { status, headers, body: Buffer.alloc(0), stream: result.stream() }
      return { status, headers, body: result.rawPayload }
    },
    async listen(address) {
      const listening = server.server.listening
        ? alsoListen(server, address, aliases)
        : server.listen(address).then(() => server.server)
      const message = `${spec.name} cannot listen on ${address.host}:${address.port}`
      const bound = (
        await listening.catch((error) => {
          throw new CloudError('unavailable', message, { cause: error })
        })
      ).address()
      return { host: address.host, port: typeof bound === 'object' && bound ? bound.port : address.port }
    },
    async close() {
      for (const alias of aliases) {
        alias.close()
        alias.closeAllConnections()
      }
      await server.close()
    },
  }
}

/** Fastify listens once; another port gets a server of its own before the same router. */
function alsoListen(
  app: FastifyInstance,
  address: { host: string; port: number },
  aliases: Server[],
): Promise<Server> {
  const alias = createServer((request, response) => app.routing(request, response))
  alias.headersTimeout = headersTimeoutMs
  return new Promise((resolve, reject) => {
    alias.once('error', reject)
    alias.listen(address, () => {
      aliases.push(alias)
      resolve(alias)
    })
  })
}

type Group<App> = {
  method: string
  url: string
  label: string
  routes: Route<App>[]
  /** The prefix names a project: that of the caller's token. */
  ofProject: boolean
}

/** Routes that share method and path: versions of one call, and actions told apart by the body's key. */
function grouped<App>(spec: ServiceSpec<App>): Group<App>[] {
  const groups = new Map<string, Group<App>>()
  for (const route of spec.routes) {
    const prefixes = route.root ? [''] : spec.prefixes
    for (const prefix of prefixes) {
      const url = prefix + route.path || '/'
      const key = `${route.method} ${url.replace(/:[^/]+/g, ':')}`
      const group = groups.get(key)
      if (group) group.routes.push(route)
      else
        groups.set(key, {
          method: route.method,
          url,
          label: `${route.method} ${route.root ? url : spec.prefixes[0] + route.path}`,
          routes: [route],
          ofProject: prefix.includes(':project_id'),
        })
    }
  }
  // A HEAD answers as its GET does, without the body, unless the service has a route of its own for it.
  for (const [key, group] of [...groups]) {
    const head = key.replace(/^GET /, 'HEAD ')
    if (group.method === 'GET' && !groups.has(head)) groups.set(head, { ...group, method: 'HEAD' })
  }
  return [...groups.values()]
}

async function serve<App>(
  spec: ServiceSpec<App>,
  group: Group<App> | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const end = spec.world.activity.begin()
  const requestId = newRequestId(spec)
  const incoming = parseTraceparent(header(request, 'traceparent'))
  const trace = incoming ? spec.journal.childOf(incoming) : spec.journal.newTrace()
  const started = spec.world.clock.monotonic()
  const headers: Record<string, string | string[]> = { 'x-openstack-request-id': requestId }
  for (const name of spec.requestIdHeaders ?? []) headers[name] = requestId
  let caller: Caller = nobody
  let negotiated: Version | undefined
  let failure: CloudError | undefined
  let status = 500
  try {
    negotiated = negotiateVersion(spec, request, headers)
    // An unknown path says so only to those who may ask at all.
    const wantsToken = !group || group.routes.some((route) => route.policy !== 'public')
    if (wantsToken) caller = await authenticate(spec, request, trace, group === undefined)
    if (group?.ofProject) requireOwnProject(caller, request)
    const route = choose(group, negotiated, request)
    if (typeof route.policy === 'object') authorizeCaller(spec, route, caller, request)
    const context = contextOf(spec, request, { caller, trace, requestId, negotiated })
    const result = await route.handle(context, {
      params: request.params as Record<string, string>,
      query: queryOf(request.raw.url ?? ''),
      body: await parseBody(route, request, negotiated),
      headers: request.headers as Record<string, string | undefined>,
      stream: isStream(request.body) ? request.body : undefined,
    })
    const answer: Reply = result instanceof Answer ? result.reply : { body: result }
    status = answer.status ?? route.status ?? (answer.body === undefined ? 204 : 200)
    reply.headers(headers)
    if (answer.headers) reply.headers(answer.headers)
    reply.code(status)
    sendBody(reply, answer.body, request.method)
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
    spec.journal.record(trace, {
      kind: 'request',
      service: spec.name,
      name: group?.label ?? `${request.method} (no such path)`,
      requestId,
      projectId: caller.projectId,
      userId: caller.userId || undefined,
      durationMs: spec.world.clock.monotonic() - started,
      at: spec.world.clock.now() - (spec.world.clock.monotonic() - started),
      outcome: failure && failure.status >= 500 ? 'error' : 'ok',
      error: failure?.message,
      data: { status, ...(caller.auditIds.length > 0 && { auditIds: caller.auditIds }) },
    })
  }
  return reply
}

const unrouted = new CloudError('notFound', 'The resource could not be found.')

function negotiateVersion<App>(
  spec: ServiceSpec<App>,
  request: FastifyRequest,
  headers: Record<string, string | string[]>,
): Version | undefined {
  const { microversions } = spec
  if (!microversions) return undefined
  const result = negotiate(microversions, request.headers)
  const { type, legacyHeader, min, max } = microversions
  headers.vary = legacyHeader ? ['OpenStack-API-Version', legacyHeader] : 'OpenStack-API-Version'
  const shown = 'version' in result ? showVersion(result.version) : result.asked
  headers['openstack-api-version'] = `${type} ${shown}`
  if (legacyHeader) headers[legacyHeader.toLowerCase()] = shown
  if ('version' in result) return result.version
  throw result.refused === 'malformed'
    ? new CloudError(
        'badRequest',
        `API Version String ${result.asked} is of invalid format. Must be of format MajorNum.MinorNum.`,
      )
    : new CloudError(
        'notAcceptable',
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
  const caller = await spec.authenticate(token, { trace, journal: spec.journal })
  const path = (request.raw.url ?? '').split('?')[0]!
  checkAccess(caller.accessRules, spec.types ?? [], { method: request.method, path })
  return caller
}

function choose<App>(
  group: Group<App> | undefined,
  at: Version | undefined,
  request: FastifyRequest,
): Route<App> {
  if (!group) throw unrouted
  const live = group.routes.filter((route) => holds(route, at))
  if (live.length === 0) throw new CloudError('notFound', 'The resource could not be found.')
  const withAction = live.filter((route) => route.action !== undefined)
  if (withAction.length === 0) return live[0]!
  const given = request.body
  const keys = typeof given === 'object' && given !== null ? Object.keys(given) : []
  if (keys.length !== 1)
    throw new CloudError(
      'badRequest',
      'Multiple actions or no action requested: the body must have exactly one key',
    )
  const route = withAction.find((candidate) => candidate.action === keys[0])
  if (!route) throw new CloudError('badRequest', `There is no such action: ${keys[0]}`)
  return route
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

function authorizeCaller<App>(
  spec: ServiceSpec<App>,
  route: Route<App>,
  caller: Caller,
  _request: FastifyRequest,
): void {
  if (typeof route.policy !== 'object') return
  spec.policy.authorize(route.policy, caller, ownTarget(caller))
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

function contextOf<App>(
  spec: ServiceSpec<App>,
  request: FastifyRequest,
  known: { caller: Caller; trace: Trace; requestId: string; negotiated: Version | undefined },
): Context<App> {
  const { caller, trace, requestId } = known
  return {
    app: spec.app,
    caller,
    trace,
    requestId,
    journal: spec.journal,
    log: spec.log.with({ requestId }),
    version: known.negotiated,
    globalRequestId: globalRequestId(header(request, 'x-openstack-request-id')),
    origin: `${request.protocol}://${request.host}`,
    authorize: (rule, target) => spec.policy.authorize(rule, caller, target),
    allows: (rule, target) => spec.policy.allows(rule, caller, target),
  }
}

async function parseBody<App>(
  route: Route<App>,
  request: FastifyRequest,
  at: Version | undefined,
): Promise<unknown> {
  if (route.body === undefined || route.body === 'stream') return request.body
  if (isStream(request.body)) {
    throw new CloudError(
      'unsupportedMedia',
      `The media type ${header(request, 'content-type') ?? '(none)'} is not supported; send application/json`,
    )
  }
  if (route.body === 'json') {
    if (request.body === undefined) throw new CloudError('badRequest', 'The request needs a JSON body')
    return request.body
  }
  return route.body.parse(request.body ?? {}, at)
}

function bodyParsers(server: FastifyInstance): void {
  server.removeContentTypeParser(['application/json', 'text/plain'])
  const json = server.getDefaultJsonParser('error', 'error')
  server.addContentTypeParser(
    /^application\/([\w.+-]*[-+])?json(-patch)?\b/,
    { parseAs: 'string' },
    (request, text, done) => {
      if (text === '') done(null, undefined)
      else json(request, text as string, done)
    },
  )
  // Anything else stays unread; the route that wants it takes the stream.
  server.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
}

function fromFastify(error: Error & { statusCode?: number; code?: string }): CloudError {
  if (error instanceof CloudError) return error
  if (error.statusCode === 413)
    return new CloudError('tooLarge', 'The request body is too large', { cause: error })
  if (error.statusCode === 415)
    return new CloudError('unsupportedMedia', 'The media type of the request is not supported', {
      cause: error,
    })
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new CloudError(
      'badRequest',
      'The server could not comply with the request since it is either malformed or otherwise incorrect.',
      { cause: error },
    )
  }
  return new CloudError(
    'internal',
    'An unexpected error prevented the server from fulfilling your request.',
    { cause: error },
  )
}

function faultContext(request: FastifyRequest, requestId: string, at: Version | undefined) {
  return {
    requestId,
    version: at,
    accept: header(request, 'accept'),
    method: request.method,
    path: (request.raw.url ?? '').split('?')[0]!,
  }
}

function send(
  reply: FastifyReply,
  fault: { status: number; headers?: Record<string, string>; body: unknown; contentType?: string },
  headers: Record<string, string | string[]>,
): void {
  reply.code(fault.status).headers(headers)
  if (fault.headers) reply.headers(fault.headers)
  if (fault.contentType) reply.header('content-type', fault.contentType)
  sendBody(reply, fault.body, reply.request.method)
}

function sendBody(reply: FastifyReply, body: unknown, method: string): void {
  if (body === undefined) return void reply.send()
  if (isStream(body)) return void reply.send(body)
  const ready = typeof body === 'string' || Buffer.isBuffer(body)
  const text = ready ? body : JSON.stringify(body)
  if (!reply.hasHeader('content-type'))
    reply.header('content-type', ready ? 'text/plain; charset=UTF-8' : 'application/json')
  if (method === 'HEAD') {
    reply.header('content-length', String(Buffer.byteLength(text)))
    return void reply.send()
  }
  reply.send(text)
}

function isStream(body: unknown): body is Readable {
  return typeof body === 'object' && body !== null && typeof (body as Readable).pipe === 'function'
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** A client's own request id is kept only in the form that OpenStack's clients send. */
function globalRequestId(given: string | undefined): string | undefined {
  return given && /^req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(given) ? given : undefined
}

function newRequestId<App>(spec: ServiceSpec<App>): string {
  return `req-${spec.world.random.uuid()}`
}

function flatten(headers: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : String(value),
    ]),
  )
}
