// Compute's errors on the wire: {"itemNotFound": {"code", "message"}}; the key goes by the status (contracts, section 3).
import { type FaultFormat, retryAfter } from '#kit/http/fault.ts'

const names: Record<number, string> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  429: 'overLimit',
  501: 'notImplemented',
  503: 'serviceUnavailable',
}

export const computeFaults: FaultFormat = {
  fault(error, at) {
    // What keystonemiddleware says before compute itself sees the request.
    if (error.status === 401)
      return {
        status: 401,
        body: { error: { code: 401, title: 'Unauthorized', message: error.message } },
      }
    if (error.status === 406)
      return {
        status: 406,
        body: { computeFault: { code: 406, message: error.message } },
      }
    const name = names[error.status] ?? 'computeFault'
    return {
      status: error.status,
      headers: { 'x-compute-request-id': at.requestId },
      body: { [name]: { code: error.status, message: error.message, ...retryAfter(error) } },
    }
  },
  unrouted: () => ({
    status: 404,
    body: {
      message: 'The resource could not be found.<br /><br />\n\n\n',
      code: '404 Not Found',
      title: 'Not Found',
    },
  }),
}
