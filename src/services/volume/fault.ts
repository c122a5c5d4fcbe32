// Volume's errors on the wire: one key named by the status. https://docs.openstack.org/api-ref/block-storage/v3/
import { type FaultFormat, faultName, retryAfter, unauthorizedFault, unroutedFault } from '#kit/http/fault.ts'

export const volumeFaults: FaultFormat = {
  fault(error) {
    const { status, message } = error
    if (status === 401) return unauthorizedFault(error)
    return {
      status,
      body: {
        [faultName(status)]: { code: status, message, ...retryAfter(error), ...error.body },
      },
    }
  },
  unrouted: unroutedFault,
}
