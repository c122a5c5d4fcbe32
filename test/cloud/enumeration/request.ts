// Requests as the tables describe them: the right body, or another in its place.
import type { HttpService } from '#kit/http/server.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { Bench, Guard, Subject } from './bench.ts'
import type { Caller } from './caller.ts'
import { judge } from './evaluate.ts'
import { type Answered, type AnyRoute, type Ids, keyOf, send, urlOf, versionHeaders } from './route.ts'

export type Asking = {
  who: Caller
  /** Instead of the caller's own; undefined brings none. */
  token?: string | undefined
  /** Samples that stand in for the shared ones. */
  more?: Ids
  /** In place of the right body, as it goes over the wire. */
  payload?: string | Buffer
  headers?: Record<string, string>
  query?: string
}

export function request(
  bench: Bench,
  { type, guards }: Subject,
  route: AnyRoute,
  asking: Asking,
): Promise<Answered> {
  const { who, more } = asking
  const guard = guards[keyOf(route)]!
  const token = 'token' in asking ? asking.token : who.token
  const url = urlOf(bench.cloud.services.get(type)!, route, { ...bench.ids[type], ...more }, who.projectId)
  const query = asking.query ?? guard.query?.(who, bench)
  const body = asking.payload ?? encode(bodyOf(bench, guard, route))
  return send(bench.cloud, type, {
    method: route.method,
    url: query ? `${url}?${query}` : url,
    headers: {
      ...versionHeaders(type, route),
      ...(token !== undefined && { 'x-auth-token': token }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...guard.headers?.(bench),
      ...asking.headers,
    },
    body,
  })
}

/** The body of a right request. */
export function bodyOf(bench: Bench, guard: Guard, { until }: AnyRoute): unknown {
  const older = until && guard.versions?.[`until ${until}`]
  return (older || guard.body)?.(bench)
}

function encode(body: unknown): string | Buffer | undefined {
  return body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body)
}

/** Makes what the request is going to use up. */
export async function fresh(bench: Bench, { guards, makers }: Subject, route: AnyRoute): Promise<Ids> {
  const { before } = guards[keyOf(route)]!
  if (before) return (await before(bench)) ?? {}
  const last = /([^/]+)\/:\w+$/.exec(route.path)?.[1]
  const make = last === undefined ? undefined : makers[last]
  return route.method === 'DELETE' && last && make ? { [last]: await make(bench) } : {}
}

const known = new WeakMap<HttpService, Map<string, PolicyRule>>()

/** The rules of a service by their names. */
export function rulesOf({ cloud }: Bench, { type }: Subject): Map<string, PolicyRule> {
  const service = cloud.services.get(type)!
  const rules = known.get(service) ?? new Map(service.rules.map((rule) => [rule.name, rule]))
  known.set(service, rules)
  return rules
}

export function isAllowed(bench: Bench, subject: Subject, guard: Guard, caller: Caller): boolean {
  if (guard.rule === 'token' || guard.rule === 'public') return true
  const target = guard.target ? guard.target(caller, bench) : subject.target(bench)
  return judge(rulesOf(bench, subject), guard.rule, caller, target)
}

/** One who may: the administrator of the owner's project, if that one may. */
export function someAllowed(bench: Bench, subject: Subject, route: AnyRoute): Caller {
  const { admin, callers } = bench.people
  const guard = subject.guards[keyOf(route)]!
  const wished = callers.filter(({ name }) => name === guard.who)
  return [...wished, admin, ...callers].find((caller) => isAllowed(bench, subject, guard, caller)) ?? admin
}
