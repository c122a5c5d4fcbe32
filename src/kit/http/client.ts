// The HTTP client of services, agents and the CLI. In one process it runs the request through the other
// service's router without a socket; everything else stays the same.
import * as http from 'node:http'
import * as https from 'node:https'
import type { Readable } from 'node:stream'
import { CloudError, type ErrorKind, statusOf } from '../errors/cloud-error.ts'
import { formatTraceparent, type Journal, type Trace } from '../journal/journal.ts'
import type { HttpAnswer, HttpNetwork, HttpRequest, Pem, World } from '../world/world.ts'
import type { HttpService } from './server.ts'

export type Request = {
  method: string
  url: string
  headers?: Record<string, string>
  /** An object is sent as JSON; bytes and streams go as they are. */
  body?: unknown
  timeoutMs?: number
  /** Leaves the body unread, as `stream`. */
  stream?: boolean
}
export type Response = {
  status: number
  headers: Record<string, string>
  /** Parsed where it is JSON, else the text; undefined where it is empty or streamed. */
  body: unknown
  stream?: Readable
}

export type HttpClient = { request(request: Request): Promise<Response>; close(): void }

export type HttpClientOptions = {
  /** The world that the client lives in; without it requests go over the host's sockets. */
  world?: Pick<World, 'http'>
  /** Finds the service that listens at an origin in this same process. */
  local?: (origin: string) => HttpService | undefined
  /** Who signs servers' certificates; the default is the host's own list of authorities. */
  ca?: Pem
  /** Talks to whoever answers: only for what says nothing secret. */
  unverified?: boolean
}

export function httpClient(options: HttpClientOptions = {}): HttpClient {
  const { ca, unverified } = options
  const network = options.world?.http
  const trust = { minVersion: 'TLSv1.2', rejectUnauthorized: !unverified, ...(ca && { ca }) } as const
  const agents = {
    'http:': new http.Agent({ keepAlive: true, maxSockets: 64 }),
    'https:': new https.Agent({ keepAlive: true, maxSockets: 64, ...trust }),
  }
  return {
    async request(request) {
      const url = new URL(request.url)
      const [payload, headers] = encode(request)
      const service = options.local?.(url.origin)
      if (service) return inProcess(service, request, url, headers, payload)
      if (network) return overWorld(network, request, url, headers, payload)
      return overNetwork(request, url, headers, payload, agents)
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

async function inProcess(
  service: HttpService,
  request: Request,
  url: URL,
  headers: Record<string, string>,
  body: string | Buffer | Readable | undefined,
): Promise<Response> {
  return received(await service.inject(wholeRequest(request, url, headers, body)))
}

async function overWorld(
  network: HttpNetwork,
  request: Request,
  url: URL,
  headers: Record<string, string>,
  body: string | Buffer | Readable | undefined,
): Promise<Response> {
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const { timeoutMs } = request
  return received(
    await network.request({ host, port }, wholeRequest(request, url, headers, body), { timeoutMs }),
  )
}

function wholeRequest(
  { method, stream }: Request,
  url: URL,
  headers: Record<string, string>,
  body: string | Buffer | Readable | undefined,
): HttpRequest {
  // Links in the answer start with what the client called.
  return { method, url: url.pathname + url.search, headers: { host: url.host, ...headers }, body, stream }
}

async function received(answer: HttpAnswer): Promise<Response> {
  const { status, headers, stream } = answer
  if (!stream) return { status, headers, body: decode(answer.body, headers['content-type']) }
  if (status < 300) return { status, headers, body: undefined, stream }
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return { status, headers, body: decode(Buffer.concat(chunks), headers['content-type']) }
}

function overNetwork(
  request: Request,
  url: URL,
  headers: Record<string, string>,
  payload: string | Buffer | Readable | undefined,
  agents: { 'http:': http.Agent; 'https:': https.Agent },
): Promise<Response> {
  const secure = url.protocol === 'https:'
  const origin = url.origin
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(new CloudError('unavailable', `No answer from ${origin}`, { cause: error }))
    const outgoing = (secure ? https : http).request(
      url,
      {
        method: request.method,
        headers,
        agent: secure ? agents['https:'] : agents['http:'],
        timeout: request.timeoutMs ?? 60_000,
      },
      (incoming) => {
        const flat = Object.fromEntries(
          Object.entries(incoming.headers).map(([name, value]) => [
            name,
            Array.isArray(value) ? value.join(', ') : (value ?? ''),
          ]),
        )
        const status = incoming.statusCode ?? 0
        if (request.stream && status < 300)
          return resolve({ status, headers: flat, body: undefined, stream: incoming })
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.once('error', fail)
        incoming.once('end', () =>
          resolve({ status, headers: flat, body: decode(Buffer.concat(chunks), flat['content-type']) }),
        )
      },
    )
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer in time')))
    outgoing.once('error', fail)
    if (isStream(payload)) {
      payload.once('error', (error) => outgoing.destroy(error))
      payload.pipe(outgoing)
    } else outgoing.end(payload)
  })
}

function encode(request: Request): [string | Buffer | Readable | undefined, Record<string, string>] {
  const headers: Record<string, string> = { accept: 'application/json', ...request.headers }
  const { body } = request
  if (body === undefined) return [undefined, headers]
  if (Buffer.isBuffer(body) || isStream(body)) {
    headers['content-type'] ??= 'application/octet-stream'
    if (Buffer.isBuffer(body)) headers['content-length'] ??= String(body.length)
    return [body, headers]
  }
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  headers['content-type'] ??= 'application/json'
  headers['content-length'] = String(Buffer.byteLength(text))
  return [text, headers]
}

function decode(body: Buffer, type: string | undefined): unknown {
  if (body.length === 0) return undefined
  const text = body.toString('utf8')
  if (!type?.includes('json')) return text
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new CloudError('badGateway', 'The answer is not the JSON that it says it is', { cause: error })
  }
}

function isStream(body: unknown): body is Readable {
  return typeof body === 'object' && body !== null && typeof (body as Readable).pipe === 'function'
}

export type RestRequest = {
  /** Values for the template's `:names`; encoded. */
  params?: Record<string, string>
  query?: Record<string, string | string[] | undefined>
  headers?: Record<string, string>
  body?: unknown
  /** 'server:<uuid>', for the journal. */
  subject?: string
  stream?: boolean
  timeoutMs?: number
  /** Statuses besides 2xx that are an answer and no error. */
  accept?: readonly number[]
}

/** Requests to one other service, with a token, in the journal. */
export type RestClient = {
  request<T = unknown>(
    trace: Trace,
    token: string | undefined,
    method: string,
    template: string,
    request?: RestRequest,
  ): Promise<Response & { body: T }>
}

export function restClient(options: {
  http: HttpClient
  journal: Journal
  baseUrl: () => string
  peer: string
}): RestClient {
  const { journal, peer } = options
  return {
    async request<T>(
      trace: Trace,
      token: string | undefined,
      method: string,
      template: string,
      request: RestRequest = {},
    ) {
      const path = template.replace(/:([a-zA-Z_]+)/g, (_, name: string) => {
        const value = request.params?.[name]
        if (value === undefined || value === '')
          throw new CloudError('internal', `The path ${template} needs a value for '${name}'`)
        return encodeURIComponent(value)
      })
      return journal.span(
        trace,
        { kind: 'rest', name: `${method} ${template}`, subject: request.subject, data: { peer } },
        async (child) => {
          const response = await options.http.request({
            method,
            url: options.baseUrl() + path + search(request.query),
            headers: {
              ...request.headers,
              ...(token && { 'x-auth-token': token }),
              traceparent: formatTraceparent(child),
            },
            body: request.body,
            stream: request.stream,
            timeoutMs: request.timeoutMs,
          })
          if (response.status < 300 || request.accept?.includes(response.status))
            return response as Response & { body: T }
          throw remoteError(peer, `${method} ${path}`, response)
        },
      )
    },
  }
}

function search(query: RestRequest['query']): string {
  if (!query) return ''
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined)
      for (const one of Array.isArray(value) ? value : [value]) params.append(name, one)
  }
  const text = params.toString()
  return text && `?${text}`
}

const kindOf = new Map(
  Object.entries(statusOf).map(([kind, status]) => [status as number, kind as ErrorKind]),
)

/** The other service's words, kept, with its kind of error. */
function remoteError(peer: string, what: string, response: Response): CloudError {
  const { message, type } = remoteMessage(response.body)
  const kind = kindOf.get(response.status) ?? (response.status >= 500 ? 'badGateway' : 'badRequest')
  return new CloudError(kind, message ?? `${peer} answered ${response.status}`, {
    type,
    detail: `${peer}: ${what} -> ${response.status}`,
  })
}

/** Finds the sentence in any of OpenStack's error shapes (contracts, section 3). */
function remoteMessage(body: unknown): { message?: string; type?: string } {
  if (typeof body === 'string')
    return {
      message:
        body
          .replace(/<[^>]+>/g, ' ')
          .trim()
          .slice(0, 500) || undefined,
    }
  if (typeof body !== 'object' || body === null) return {}
  const record = body as Record<string, unknown>
  if (typeof record.message === 'string')
    return { message: record.message, type: typeof record.type === 'string' ? record.type : undefined }
  const [first] = Array.isArray(record.errors) ? record.errors : Object.values(record)
  if (typeof first === 'object' && first !== null) {
    const inner = first as Record<string, unknown>
    const message = inner.message ?? inner.detail
    const type = inner.type ?? inner.code
    return {
      message: typeof message === 'string' ? message : undefined,
      type: typeof type === 'string' ? type : undefined,
    }
  }
  return {}
}
