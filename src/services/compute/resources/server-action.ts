// What was done with a server, by whom, and how it went: os-instance-actions.
import { c, type RowOf, table } from '#kit/db/table.ts'
import { view } from '#kit/http/view.ts'
import { inMicroseconds, orNull } from './time.ts'

export const serverAction = table(
  'server_action',
  {
    number: c.autoId(),
    serverId: c.id(),
    requestId: c.text(64),
    action: c.text(64),
    projectId: c.text(64),
    userId: c.text(64),
    message: c.nullable(c.text()),
    startAt: c.time(),
    updatedAt: c.time(),
  },
  { unique: [['serverId', 'requestId', 'action']], index: [['updatedAt']] },
)
export type ServerActionRow = RowOf<typeof serverAction>

export const serverActionEvent = table(
  'server_action_event',
  {
    number: c.autoId(),
    actionNumber: c.bigint(),
    /** 'compute__do_build_and_run_instance' */
    event: c.text(255),
    host: c.nullable(c.text(255)),
    hostId: c.text(64),
    startAt: c.time(),
    finishAt: c.nullable(c.time()),
    result: c.nullable(c.text<'Success' | 'Error'>(16)),
    details: c.nullable(c.text()),
  },
  { index: [['actionNumber']] },
)
export type ActionEvent = RowOf<typeof serverActionEvent>

const brief = {
  action: (a: ServerActionRow) => a.action,
  instance_uuid: (a: ServerActionRow) => a.serverId,
  message: (a: ServerActionRow) => a.message,
  project_id: (a: ServerActionRow) => a.projectId,
  request_id: (a: ServerActionRow) => a.requestId,
  start_time: (a: ServerActionRow) => inMicroseconds(a.startAt),
  user_id: (a: ServerActionRow) => a.userId,
  updated_at: { since: '2.58', get: (a: ServerActionRow) => inMicroseconds(a.updatedAt) },
}
export const actionView = view<ServerActionRow>()(brief)

export type ShownEvent = ActionEvent & { seesHost: boolean; seesTraceback: boolean; seesDetails: boolean }
export const eventView = view<ShownEvent>()({
  event: (e) => e.event,
  start_time: (e) => inMicroseconds(e.startAt),
  finish_time: (e) => orNull(inMicroseconds, e.finishAt),
  result: (e) => e.result,
  // We keep no tracebacks; the key is there for those who may see one.
  traceback: (e) => (e.seesTraceback ? null : undefined),
  hostId: { since: '2.62', get: (e) => e.hostId },
  host: { since: '2.62', get: (e) => (e.seesHost ? e.host : undefined) },
  details: { since: '2.84', get: (e) => (e.seesDetails ? e.details : undefined) },
})
