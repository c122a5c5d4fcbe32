// Placement's errors on the wire: a list with one entry, whose `code` clients read from 1.23 on.
import type { FaultFormat } from '#kit/http/fault.ts'
import { titles } from '#kit/http/fault.ts'

const withCode = 1023
const undefinedCode = 'placement.undefined_code'

export const placementFaults: FaultFormat = {
  fault(error, at) {
    const title = titles[error.status] ?? 'Error'
    if (error.status === 401) {
      return { status: 401, body: { message: error.message, code: '401 Unauthorized', title } }
    }
    const entry: Record<string, unknown> = {
      status: error.status,
      title,
      detail: error.message,
      request_id: at.requestId,
    }
    if (at.version === undefined || at.version >= withCode) entry.code = error.type ?? undefinedCode
    return { status: error.status, body: { errors: [{ ...entry, ...error.body }] } }
  },
}
