// Network's errors on the wire: {"NeutronError": {"type", "message", "detail"}}; clients match on the type.
import { type FaultFormat, unauthorizedFault } from '#kit/http/fault.ts'
import { malformedJson } from '#kit/http/json.ts'

/** Names that clients know, for errors without one of their own. */
const types: Record<number, string> = {
  400: 'HTTPBadRequest',
  403: 'PolicyNotAuthorized',
  404: 'HTTPNotFound',
  405: 'HTTPMethodNotAllowed',
  409: 'HTTPConflict',
  412: 'HTTPPreconditionFailed',
  413: 'HTTPRequestEntityTooLarge',
  415: 'HTTPUnsupportedMediaType',
  429: 'HTTPTooManyRequests',
  500: 'HTTPInternalServerError',
  501: 'HTTPNotImplemented',
  502: 'HTTPBadGateway',
  503: 'HTTPServiceUnavailable',
}

export const networkFaults: FaultFormat = {
  fault(error) {
    if (error.status === 401) return unauthorizedFault(error)
    const internal = error.type?.startsWith('db.') || error.type === malformedJson
    const own = internal ? undefined : error.type
    const type = own ?? types[error.status] ?? 'NeutronException'
    return { status: error.status, body: { NeutronError: { type, message: error.message, detail: '' } } }
  },
}
