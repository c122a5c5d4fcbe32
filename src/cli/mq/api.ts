// The broker's management API as its client sees it: the same on our broker and on RabbitMQ.
import { CloudError, type ErrorKind, statusOf } from '#kit/errors/cloud-error.ts'
import type { HttpClient } from '#kit/http/client.ts'

export type Login = { url: string; user: string; password: string }

export type Query = Record<string, string | number | boolean | undefined>

/** Paths are below /api and come from `at`. Everything but 2xx rejects with the broker's reason. */
export type Api = {
  readonly login: Login
  get<T>(path: string, query?: Query): Promise<T>
  /** Undefined where there is no such thing. */
  find<T>(path: string, query?: Query): Promise<T | undefined>
  put(path: string, body?: unknown): Promise<void>
  post<T>(path: string, body?: unknown): Promise<T>
  remove(path: string, options?: { query?: Query; headers?: Record<string, string> }): Promise<void>
  as(user: string, password: string): Api
}

/** at`queues/${vhost}/${name}`: values become one segment each, whatever is in them. */
export function at(parts: TemplateStringsArray, ...values: readonly string[]): string {
  return parts.reduce((path, part, index) => path + encodeURIComponent(values[index - 1]!) + part)
}

export function openApi(http: HttpClient, login: Login, timeoutMs = 60_000): Api {
  const origin = login.url.replace(/\/+$/, '')
  const authorization = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`
  const request = async (
    method: string,
    path: string,
    options: { query?: Query; body?: unknown; headers?: Record<string, string> } = {},
  ) => {
    const response = await http.request({
      method,
      url: `${origin}/api/${path}${search(options.query)}`,
      // Some of RabbitMQ's resources answer 406 to whoever wants JSON and nothing else.
      headers: { authorization, accept: '*/*', ...options.headers },
      // RabbitMQ wants a JSON object with every PUT and POST.
      body: options.body ?? (method === 'PUT' || method === 'POST' ? {} : undefined),
      timeoutMs,
    })
    if (response.status >= 300) throw refusal(response.status, response.body, origin)
    return response.body
  }
  const get = async <T>(path: string, query?: Query) => (await request('GET', path, { query })) as T
  return {
    login: { ...login, url: origin },
    get,
    async find<T>(path: string, query?: Query) {
      try {
        return await get<T>(path, query)
      } catch (error) {
        if (error instanceof CloudError && error.kind === 'notFound') return undefined
        throw error
      }
    },
    async put(path, body) {
      await request('PUT', path, { body })
    },
    post: async <T>(path: string, body?: unknown) => (await request('POST', path, { body })) as T,
    async remove(path, options) {
      await request('DELETE', path, options)
    },
    as: (user, password) => openApi(http, { ...login, user, password }, timeoutMs),
  }
}

function search(query: Query = {}): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) params.append(name, String(value))
  const text = params.toString()
  return text && `?${text}`
}

const kindOf = new Map(
  Object.entries(statusOf).map(([kind, status]) => [status as number, kind as ErrorKind]),
)

function refusal(status: number, body: unknown, origin: string): CloudError {
  const kind = kindOf.get(status) ?? (status < 500 ? 'badRequest' : 'badGateway')
  const { error, reason } =
    typeof body === 'object' && body !== null ? (body as { error?: unknown; reason?: unknown }) : {}
  const words = textOf(reason) ?? textOf(error)
  if (words === undefined) return new CloudError(kind, `${origin} answered ${status}`)
  if (kind === 'unauthorized') return new CloudError(kind, `${origin}: ${words}`, { type: textOf(error) })
  return new CloudError(kind, words, { type: textOf(error) })
}

/** RabbitMQ escapes some reasons for HTML, and some are Erlang terms turned to JSON. */
function textOf(reason: unknown): string | undefined {
  if (reason === undefined || reason === null) return undefined
  if (typeof reason !== 'string') return JSON.stringify(reason)
  return reason
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .trim()
}
