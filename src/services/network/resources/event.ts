// What compute is to be told of its ports: written with the change itself, delivered by a loop, so that none is lost.
import { c, type RowOf, table } from '#kit/db/table.ts'

export type EventName =
  | 'network-vif-plugged'
  | 'network-vif-unplugged'
  | 'network-vif-deleted'
  | 'network-changed'

export const computeEvent = table(
  'compute_event',
  {
    id: c.autoId(),
    name: c.text<EventName>(64),
    serverId: c.id(),
    portId: c.id(),
    createdAt: c.time(),
    attempts: c.int(),
    runAt: c.time(),
    traceId: c.text(32),
    spanId: c.text(16),
  },
  { index: [['runAt']] },
)
export type ComputeEvent = RowOf<typeof computeEvent>
