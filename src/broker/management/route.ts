// Which function answers which path of the management API, and who may ask.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { notFound } from '../admin/refusal.ts'
import type { Vhost } from '../core/vhost.ts'
import { type Access, demand, demandVhost } from './access.ts'
import type { ManagementContext } from './context.ts'
import type { ApiAnswer, ApiRequest } from './request.ts'

export type Params = Readonly<Record<string, string>>
export type Handle = (
  context: ManagementContext,
  request: ApiRequest,
  params: Params,
) => ApiAnswer | Promise<ApiAnswer>

export type Route = {
  readonly method: string
  /** Below /api; ':vhost' must be there, and its user let in. */
  readonly path: readonly string[]
  readonly access: Access
  readonly handle: Handle
}

export function route(method: string, path: string, access: Access, handle: Handle): Route {
  return { method, path: path.split('/'), access, handle }
}

export const get = (path: string, access: Access, handle: Handle) => route('GET', path, access, handle)
export const put = (path: string, access: Access, handle: Handle) => route('PUT', path, access, handle)
export const post = (path: string, access: Access, handle: Handle) => route('POST', path, access, handle)
export const del = (path: string, access: Access, handle: Handle) => route('DELETE', path, access, handle)

export async function dispatch(
  routes: readonly Route[],
  context: ManagementContext,
  request: ApiRequest,
): Promise<ApiAnswer> {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  let isKnown = false
  for (const each of routes) {
    const params = matched(each.path, request.path)
    if (!params) continue
    isKnown = true
    if (each.method !== method) continue
    demand(request.user, each.access)
    return each.handle(context, request, params)
  }
  demand(request.user, 'management')
  if (!isKnown) throw notFound()
  throw new CloudError('methodNotAllowed', `${request.method} is not for this path`)
}

/** Of an object in a virtual host: 404 where there is none, 401 where it is not the user's. */
export function vhostOf(
  { registry }: ManagementContext,
  { user, method }: ApiRequest,
  name: string,
  options = { toChange: method !== 'GET' && method !== 'HEAD' },
): Vhost {
  const vhost = registry.vhosts.get(name)
  if (!vhost) throw method === 'PUT' ? notFound('vhost_not_found') : notFound()
  demandVhost(user, name, options)
  return vhost
}

function matched(pattern: readonly string[], path: readonly string[]): Params | undefined {
  if (pattern.length !== path.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of pattern.entries()) {
    const given = path[index]!
    if (part.startsWith(':')) params[part.slice(1)] = given
    else if (part !== given) return undefined
  }
  return params
}
