// The simulation service's errors on the wire: {"error": {"code", "title", "message", "type"}}.
import type { FaultFormat } from '#kit/http/fault.ts'
import { titles } from '#kit/http/fault.ts'

export const simulationErrors: FaultFormat = {
  fault: ({ status, message, type }) => ({
    status,
    body: { error: { code: status, title: titles[status] ?? 'Error', message, ...(type && { type }) } },
  }),
}
