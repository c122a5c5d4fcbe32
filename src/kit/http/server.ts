// One service's HTTP face: its routes on fastify, behind sockets or in this process. The life of a request is in serve.ts.

import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { CloudError } from '../errors/cloud-error.ts'
import type { Journal, Trace } from '../journal/journal.ts'
import type { Log } from '../log/log.ts'
import type { Policy } from '../policy/engine.ts'
import type { PolicyRule } from '../policy/policy.ts'
import type { HttpAnswer, HttpRequest, Pem, World } from '../world/world.ts'
import type { WebSocketDoor } from '../ws/websocket.ts'
import { within } from './address.ts'
import type { Caller } from './caller.ts'
import type { FaultFormat } from './fault.ts'
import { pathTable } from './path-table.ts'
import { buckets, type Limits, usualLimits } from './rate.ts'
import type { Route } from './route.ts'
import { type Governed, type Group, serve } from './serve.ts'
import type { Microversions } from './version.ts'

export type { HttpAnswer, HttpRequest } from '../world/world.ts'

export type Authenticate = (
  token: string,
  at: {
    trace: Trace
    journal: Journal
    /** `X-Service-Token`: with that of a service, work goes on although the user's own token has expired meanwhile. */
    serviceToken?: string
  },
) => Promise<Caller>

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
  policy: Policy
  authenticate: Authenticate
  /** Its names in the catalog, as access rules of application credentials name it: ['volumev3', 'block-storage']. */
  types?: readonly string[]
  /** What a 401 tells the client: `Keystone uri="..."`. */
  authUri: () => string
  microversions?: Microversions
  /** Bytes of a JSON body, in the place of what `govern` says. */
  bodyLimit?: number
  /** Headers in which this service repeats the request id, besides X-Openstack-Request-Id. */
  requestIdHeaders?: readonly string[]
  /**
   * Below the versions a path with a slash at its end is none, so that the thing with an empty id isn't taken for the
   * list of all. Off: the slash counts for nothing.
   */
  strictSlash?: boolean
  /** Paths may end in '.json', by which older clients ask for the only format there is. */
  jsonSuffix?: boolean
  /** A path of ours with a method that it lacks is 405 and names those it has; off, it is an unknown path. */
  refuseMethods?: boolean
  /** Throws what a request's headers alone forbid, once its route is known and allowed, before its body is read. */
  admit?(request: { method: string; headers: IncomingHttpHeaders; route: Route<App> }): void
  /** Takes all requests for a WebSocket; without it there are none. */
  webSockets?: WebSocketDoor
}

export type HttpService = {
  readonly name: string
  readonly routes: readonly Route<never>[]
  /** Where the routes stand that are not at the root; the first one is the usual. */
  readonly prefixes: readonly string[]
  /** The rules that guard them. */
  readonly rules: readonly PolicyRule[]
  /** What is in force of them. */
  readonly policy: Policy
  /** Limits for all requests from now on; without a word they are the usual ones. */
  govern(limits: Limits): void
  /** Runs a request through the router without a socket; policy and validation are never skipped. */
  inject(request: HttpRequest): Promise<HttpAnswer>
  /** Several times for several addresses; with `tls` over HTTPS alone. */
  listen(address: { host: string; port: number }, tls?: ServerTls): Promise<{ host: string; port: number }>
  /** New connections of all HTTPS listeners get this certificate from now on. */
  renew(tls: ServerTls): void
  close(): Promise<void>
}

/** A server's own certificate, with those between it and the authority, and its key. */
export type ServerTls = { cert: Pem; key: Pem }

const headersTimeoutMs = 20_000
/** Longer than any op takes to answer. */
const silenceMs = 120_000
const keepAliveMs = 75_000

export async function httpService<App>(spec: ServiceSpec<App>): Promise<HttpService> {
  const server = fastify({
    logger: false,
    // A client that stops in the middle must not hold a connection for ever; a long upload that goes on may.
    connectionTimeout: silenceMs,
    requestTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    routerOptions: { maxParamLength: Number.MAX_SAFE_INTEGER },
    forceCloseConnections: true,
    ...(spec.jsonSuffix && {
      rewriteUrl: ({ url }: IncomingMessage) => (url ?? '/').replace(/\.json(?=\?|$)/, ''),
    }),
    exposeHeadRoutes: false,
    clientErrorHandler: (error, socket) => answerUnread(spec, error, socket),
  })
  server.server.headersTimeout = headersTimeoutMs
  const { webSockets } = spec
  if (webSockets) server.server.on('upgrade', webSockets.upgrade)
  // What is JSON is read when it is known who asks, and anything else by the route that wants it.
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  const governed = governedBy(usualLimits)
  // All paths are one to fastify: which is meant, pathTable tells.
  const paths = pathTable<Group<App>>()
  for (const group of grouped(spec)) paths.add(group.method, group.url, group)
  const answer = (request: FastifyRequest, reply: FastifyReply) => {
    const found = paths.find(request.method, request.raw.url ?? '/')
    const group = found && !slashed(spec, found.value, request) ? found.value : undefined
    request.params = found?.params ?? {}
    return serve(spec, governed, group, request, reply)
  }
  server.all('/*', answer)
  server.setNotFoundHandler(answer)
  server.setErrorHandler((error, request, reply) =>
    serve(spec, governed, undefined, request, reply, fromFastify(error as Error & { statusCode?: number })),
  )
  await server.ready()
  const aliases: Listening[] = []
  const { http } = spec.world
  const inWorld: { close(): Promise<void> }[] = []
  const inject = async (request: HttpRequest): Promise<HttpAnswer> => {
    const result = await server.inject({
      method: request.method as 'GET',
      url: request.url,
      headers: request.headers,
      payload: request.body,
      remoteAddress: within,
      payloadAsStream: request.stream ?? false,
    })
    const { statusCode: status } = result
    const headers = flatten(result.headers)
    if (request.stream) return { status, headers, body: Buffer.alloc(0), stream: result.stream() }
    return { status, headers, body: result.rawPayload }
  }

  return {
    name: spec.name,
    routes: spec.routes as readonly Route<never>[],
    prefixes: spec.prefixes,
    rules: spec.policy.rules,
    policy: spec.policy,
    govern: (limits) => void Object.assign(governed, governedBy(limits)),
    inject,
    async listen(address, tls) {
      if (http) {
        const listener = await http.listen(address, inject)
        inWorld.push(listener)
        return listener.address
      }
      const listening =
        tls || server.server.listening
          ? alsoListen(server, address, aliases, {
              tls,
              webSockets,
              unread: (error, socket) => answerUnread(spec, error, socket),
            })
          : server.listen(address).then(() => server.server)
      const message = `${spec.name} cannot listen on ${address.host}:${address.port}`
      const bound = (
        await listening.catch((error) => {
          throw new CloudError('unavailable', message, { cause: error })
        })
      ).address()
      return { host: address.host, port: typeof bound === 'object' && bound ? bound.port : address.port }
    },
    renew(tls) {
      for (const { secure } of aliases) secure?.setSecureContext(tls)
    },
    async close() {
      webSockets?.close()
      for (const listener of inWorld) await listener.close()
      for (const { server: alias } of aliases) {
        alias.close()
        alias.closeAllConnections()
      }
      await server.close()
    },
  }
}

/** What isn't HTTP gets its answer straight on the socket, in the service's words, and the connection ends. */
function answerUnread<App>(spec: ServiceSpec<App>, error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
  const reason =
    error.code === 'HPE_INVALID_CONTENT_LENGTH'
      ? 'content-length header must be an integer'
      : 'The request is not well-formed HTTP.'
  const at = {
    requestId: `req-${spec.world.random.uuid()}`,
    version: undefined,
    accept: undefined,
    method: '',
    path: '',
  }
  const { status, body, contentType } = spec.faults.fault(new CloudError('badRequest', reason), at)
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  socket.end(
    [
      `HTTP/1.1 ${status} Bad Request`,
      `content-type: ${contentType ?? 'application/json'}`,
      `content-length: ${Buffer.byteLength(text)}`,
      `x-openstack-request-id: ${at.requestId}`,
      'connection: close',
      '',
      text,
    ].join('\r\n'),
  )
}

function slashed<App>(spec: ServiceSpec<App>, group: Group<App>, request: FastifyRequest): boolean {
  if (!spec.strictSlash || group.routes.some((route) => route.root)) return false
  return request.raw.url?.split('?', 1)[0]?.endsWith('/') ?? false
}

type Listening = { server: Server | SecureServer; secure?: SecureServer }

/** Fastify listens once, and plainly; another port, and HTTPS, get a server of their own before the same router. */
function alsoListen(
  app: FastifyInstance,
  address: { host: string; port: number },
  aliases: Listening[],
  {
    tls,
    webSockets,
    unread,
  }: {
    tls?: ServerTls
    webSockets?: WebSocketDoor
    unread: (error: Error & { code?: string }, socket: Duplex) => void
  },
): Promise<Server | SecureServer> {
  const route = (request: IncomingMessage, response: ServerResponse) => app.routing(request, response)
  const times = { headersTimeout: headersTimeoutMs, requestTimeout: 0, keepAliveTimeout: keepAliveMs }
  const secure = tls && createSecureServer({ ...times, ...tls, minVersion: 'TLSv1.2' }, route)
  const alias = secure ?? createServer(times, route)
  alias.timeout = silenceMs
  alias.on('clientError', unread)
  if (webSockets) alias.on('upgrade', webSockets.upgrade)
  return new Promise((resolve, reject) => {
    alias.once('error', reject)
    alias.listen(address, () => {
      aliases.push({ server: alias, secure })
      resolve(alias)
    })
  })
}

function grouped<App>(spec: ServiceSpec<App>): Group<App>[] {
  const groups = new Map<string, Group<App>>()
  for (const route of spec.routes) {
    const prefixes = route.root ? [''] : spec.prefixes
    for (const prefix of prefixes) {
      const url = prefix + route.path || '/'
      const key = `${route.method} ${url.replace(/:[^/]+/g, ':')}`
      const group = groups.get(key)
      if (group) {
        group.routes.push(route)
        group.acts ||= route.action !== undefined
      } else
        groups.set(key, {
          method: route.method,
          url,
          label: `${route.method} ${route.root ? url : spec.prefixes[0] + route.path}`,
          routes: [route],
          ofProject: prefix.includes(':project_id'),
          acts: route.action !== undefined,
        })
    }
  }
  // A HEAD answers as its GET does, without the body, unless the service has a route of its own for it.
  for (const [key, group] of [...groups]) {
    const head = key.replace(/^GET /, 'HEAD ')
    if (group.method === 'GET' && !groups.has(head)) groups.set(head, { ...group, method: 'HEAD' })
  }
  return spec.refuseMethods ? [...groups.values(), ...missing([...groups.values()])] : [...groups.values()]
}

const everyMethod = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** For each path, a group without routes for each method that it lacks. */
function missing<App>(groups: Group<App>[]): Group<App>[] {
  const paths = new Map<string, Group<App>[]>()
  for (const group of groups) {
    const path = group.url.replace(/:[^/]+/g, ':')
    const there = paths.get(path)
    if (there) there.push(group)
    else paths.set(path, [group])
  }
  return [...paths.values()].flatMap((there) => {
    const methods = new Set(there.map((group) => group.method))
    const shown = [...methods].filter((method) => method !== 'HEAD' || !methods.has('GET')).join(', ')
    const open = there.every((group) => group.routes.every((route) => route.policy === 'public'))
    return everyMethod
      .filter((method) => !methods.has(method))
      .map((method) => ({
        method,
        url: there[0]!.url,
        label: `${method} (no such method)`,
        routes: [],
        ofProject: false,
        acts: false,
        allow: { methods: shown, public: open },
      }))
  })
}

function governedBy(limits: Limits): Governed {
  return {
    limits,
    projects: buckets(limits.projectRate, limits.projectBurst, 'project'),
    addresses: buckets(limits.addressRate, limits.addressBurst, 'address'),
  }
}

function fromFastify(error: Error & { statusCode?: number; code?: string }): CloudError {
  if (error instanceof CloudError) return error
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

function flatten(headers: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : String(value),
    ]),
  )
}
