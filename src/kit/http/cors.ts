// Pages of other origins that may call the API from a browser: https://fetch.spec.whatwg.org/#http-cors-protocol. Tokens go
// in a header of their own, so that no credentials of the browser's are asked for.
import type { FastifyRequest } from 'fastify'
import { header } from './reply.ts'

/** What a page may read of an answer besides its body. */
const exposed = [
  'X-Openstack-Request-Id',
  'OpenStack-API-Version',
  'X-Subject-Token',
  'Location',
  'Content-Length',
  'ETag',
]
const preflightSeconds = 3600

export type CrossOrigin = {
  /** What the answer says besides; nothing where the page's origin may not call. */
  headers: Record<string, string>
  /** The browser asks whether it may ask. */
  preflight: boolean
}

/** Undefined for a request from no page at all, and where no origin is allowed. */
export function crossOrigin(allowed: readonly string[], request: FastifyRequest): CrossOrigin | undefined {
  const origin = allowed.length > 0 ? header(request, 'origin') : undefined
  if (origin === undefined) return undefined
  const method = header(request, 'access-control-request-method')
  const preflight = request.method === 'OPTIONS' && method !== undefined
  if (!allowed.includes(origin) && !allowed.includes('*')) return { headers: {}, preflight }
  const headers: Record<string, string> = { 'access-control-allow-origin': origin }
  if (!preflight) headers['access-control-expose-headers'] = exposed.join(', ')
  else {
    headers['access-control-allow-methods'] = method
    headers['access-control-max-age'] = String(preflightSeconds)
    const wanted = header(request, 'access-control-request-headers')
    if (wanted) headers['access-control-allow-headers'] = wanted
  }
  return { headers, preflight }
}
