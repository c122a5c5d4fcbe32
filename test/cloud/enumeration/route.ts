// The routes of a service as the enumerations name and call them.
import type { Route } from '#kit/http/route.ts'
import type { HttpService } from '#kit/http/server.ts'
import type { TestCloud } from '../test-cloud.ts'

export type AnyRoute = Route<never>
/** Values for the parameters of paths, by the segment before them: `{ servers: 'an id' }` fills '/servers/:id'. */
export type Ids = Readonly<Record<string, string>>
export type Answered = {
  status: number
  headers: Record<string, string>
  text: string
  /** Where the text is JSON. */
  body: unknown
  /** All that the request said, for a look at what the answer says more. */
  asked: string
}

/** 'GET /servers/:id', 'POST /servers/:id/action reboot': versions of one call share a key. */
export function keyOf({ method, path, action }: Pick<AnyRoute, 'method' | 'path' | 'action'>): string {
  return `${method} ${path}${action ? ` ${action}` : ''}`
}

/** Where a service's routes and its table part. */
export function uncovered(
  routes: readonly AnyRoute[],
  guards: Readonly<Record<string, { rule: string }>>,
): string[] {
  const keys = new Set(routes.map(keyOf))
  return [
    ...[...keys].filter((key) => !Object.hasOwn(guards, key)).map((key) => `${key} has no line`),
    ...Object.keys(guards)
      .filter((key) => !keys.has(key))
      .map((key) => `${key} has no route`),
    ...routes
      .filter((route) => route.policy === 'public' && (guards[keyOf(route)]?.rule ?? 'public') !== 'public')
      .map((route) => `${keyOf(route)} needs no token`),
  ]
}

function fillPath(path: string, ids: Ids): string {
  return path.replace(/([^/:]*)\/:(\w+)/g, (_, segment: string, name: string) => {
    const value = ids[segment] ?? ids[name]
    if (value === undefined) throw new Error(`There is no sample for :${name} after ${segment} in ${path}`)
    return `${segment}/${encodeURIComponent(value)}`
  })
}

/** Path and query as the service's own origin has them. */
export function urlOf(service: HttpService, route: AnyRoute, ids: Ids, projectId?: string): string {
  const prefix = route.root ? '' : service.prefixes[0]!
  return (
    fillPath(prefix.replace(':project_id', projectId ?? 'none') + route.path, ids).replace(/\*$/, 'x') || '/'
  )
}

const versioned = new Set(['compute', 'volume', 'placement'])

/** The newest version at which the route is there. */
export function versionHeaders(type: string, route: Pick<AnyRoute, 'until'>): Record<string, string> {
  return versioned.has(type) ? { 'openstack-api-version': `${type} ${route.until ?? 'latest'}` } : {}
}

export async function send(
  cloud: TestCloud,
  type: string,
  request: { method: string; url: string; headers: Record<string, string>; body?: string | Buffer },
): Promise<Answered> {
  const service = cloud.services.get(type)!
  const answer = await service.inject({
    ...request,
    headers: { host: new URL(cloud.platform.endpoint(type as 'identity')).host, ...request.headers },
  })
  const text = answer.body.toString()
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    body: parsed(text),
    asked: `${request.url} ${Object.values(request.headers).join(' ')} ${request.body ?? ''}`,
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
