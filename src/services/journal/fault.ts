// The journal's errors on the wire: {"error": {"code", "title", "message"}}.
import type { FaultFormat } from '#kit/http/fault.ts'
import { titles } from '#kit/http/fault.ts'

export const journalFaults: FaultFormat = {
  fault: (error) => ({
    status: error.status,
    body: { error: { code: error.status, title: titles[error.status] ?? 'Error', message: error.message } },
  }),
}
