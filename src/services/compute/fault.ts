// Compute's errors on the wire: {"itemNotFound": {"code", "message"}}; the key goes by the status (contracts, section 3).
import { type FaultFormat, faultName, retryAfter, unauthorizedFault, unroutedFault } from '#kit/http/fault.ts'

export const computeFaults: FaultFormat = {
  fault(error, at) {
    if (error.status === 401) return unauthorizedFault(error)
    if (error.status === 406)
      return {
        status: 406,
        body: { computeFault: { code: 406, message: error.message } },
      }
    return {
      status: error.status,
      headers: { 'x-compute-request-id': at.requestId },
      body: {
        [faultName(error.status)]: { code: error.status, message: error.message, ...retryAfter(error) },
      },
    }
  },
  unrouted: unroutedFault,
}
