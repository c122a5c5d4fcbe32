// A small OpenStack client over HTTP: enough for the command line to prepare and show a cloud as any client would.
import { CloudError, type ErrorKind, statusOf } from '#kit/errors/cloud-error.ts'
import type { HttpClient, Response } from '#kit/http/client.ts'

export type Credentials = {
  authUrl: string
  username: string
  password: string
  project: string
  region: string
}

export type Call = {
  method?: string
  /** Below the service's endpoint: '/servers/detail?name=x'. */
  path: string
  headers?: Record<string, string>
  body?: unknown
  timeoutMs?: number
}

export type Session = {
  readonly projectId: string
  readonly userId: string
  readonly token: string
  /** The public endpoint of a service type, without a slash at its end. */
  endpoint(type: string): string
  /** The answer's body; anything but success is thrown with the service's own words. */
  call<T = Record<string, unknown>>(type: string, call: Call): Promise<T>
  /** The same where 'not there' is a fine answer: undefined. */
  find<T = Record<string, unknown>>(type: string, path: string): Promise<T | undefined>
}

type Catalog = { type: string; endpoints: { interface: string; region: string; url: string }[] }[]
type Token = { token: { project: { id: string }; user: { id: string }; catalog: Catalog } }

/** Newest microversions that we write our requests for. */
const microversions: Record<string, Record<string, string>> = {
  compute: { 'openstack-api-version': 'compute 2.93', 'x-openstack-nova-api-version': '2.93' },
  placement: { 'openstack-api-version': 'placement 1.29' },
  'block-storage': { 'openstack-api-version': 'volume 3.59' },
}

export async function openSession(http: HttpClient, credentials: Credentials): Promise<Session> {
  const answer = await http.request({
    method: 'POST',
    url: `${credentials.authUrl}/auth/tokens`,
    body: loginBody(credentials),
  })
  if (answer.status !== 201) throw refusal(answer, 'POST', `${credentials.authUrl}/auth/tokens`)
  const token = answer.headers['x-subject-token']
  if (!token) throw new CloudError('badGateway', `${credentials.authUrl} gave no token.`)
  const { project, user, catalog } = (answer.body as Token).token
  const endpoint = (type: string) => endpointOf(catalog, type, credentials.region)

  async function send(type: string, call: Call): Promise<{ answer: Response; url: string }> {
    const url = call.path.startsWith('http') ? call.path : endpoint(type) + call.path
    const headers = { 'x-auth-token': token!, ...microversions[type], ...call.headers }
    const { method = 'GET', body, timeoutMs } = call
    return { answer: await http.request({ method, url, headers, body, timeoutMs }), url }
  }

  return {
    projectId: project.id,
    userId: user.id,
    token,
    endpoint,
    async call<T>(type: string, call: Call) {
      const { answer: result, url } = await send(type, call)
      if (result.status >= 300) throw refusal(result, call.method ?? 'GET', url)
      return result.body as T
    },
    async find<T>(type: string, path: string) {
      const { answer: result, url } = await send(type, { path })
      if (result.status === 404) return undefined
      if (result.status >= 300) throw refusal(result, 'GET', url)
      return result.body as T
    },
  }
}

function loginBody({ username, password, project }: Credentials) {
  const domain = { name: 'Default' }
  return {
    auth: {
      identity: { methods: ['password'], password: { user: { name: username, password, domain } } },
      scope: { project: { name: project, domain } },
    },
  }
}

function endpointOf(catalog: Catalog, type: string, region: string): string {
  const service = catalog.find((entry) => entry.type === type)
  const found = service?.endpoints.find((entry) => entry.interface === 'public' && entry.region === region)
  if (!found)
    throw new CloudError('notFound', `The catalog has no public endpoint of type ${type} in ${region}.`)
  return found.url.replace(/\/$/, '')
}

/** The words of whichever fault format the service has. */
function refusal(answer: Response, method: string, url: string): CloudError {
  const kind =
    (Object.keys(statusOf) as ErrorKind[]).find((each) => statusOf[each] === answer.status) ?? 'badGateway'
  return new CloudError(kind, `${method} ${url} was answered ${answer.status}: ${wordsOf(answer.body)}`)
}

function wordsOf(body: unknown): string {
  if (typeof body === 'string')
    return body
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ')
      .trim()
  const found = findMessage(body)
  return found ?? (body === undefined ? 'no body' : JSON.stringify(body))
}

/** `message`, `detail` or `description`, however deep the service puts it. */
function findMessage(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const record = value as Record<string, unknown>
  for (const name of ['message', 'detail', 'description']) {
    if (typeof record[name] === 'string') return record[name]
  }
  for (const inner of Object.values(record)) {
    const found = findMessage(inner)
    if (found) return found
  }
  return undefined
}
