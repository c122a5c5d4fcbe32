// Attachments: a server's hold on a volume, from its reservation to its end. https://docs.openstack.org/api-ref/block-storage/v3/#attachments
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { member, rules } from './policy.ts'
import { object, objectOrNull, uuid } from './schema.ts'
import { timeOrNull } from './time.ts'

export type AttachmentStatus = 'reserved' | 'attaching' | 'attached'

export const attachment = table(
  'volume_attachment',
  {
    id: c.id(),
    volumeId: c.id(),
    projectId: c.text(64),
    serverId: c.nullable(c.text(64)),
    hostName: c.nullable(c.text(255)),
    mountpoint: c.nullable(c.text(255)),
    status: c.text<AttachmentStatus>(32),
    mode: c.text<'rw' | 'ro'>(8),
    /** How the host reaches it; null until a host has asked. */
    connectionInfo: c.json<Record<string, unknown> | null>(),
    attachedAt: c.nullable(c.time()),
    createdAt: c.time(),
  },
  { index: [['volumeId'], ['projectId'], ['serverId']] },
)
export type Attachment = RowOf<typeof attachment>

const create = {
  volume_uuid: { schema: uuid },
  instance_uuid: { schema: uuid, optional: true },
  connector: { schema: objectOrNull, optional: true },
  mode: { schema: Type.Union([Type.Literal('rw'), Type.Literal('ro')]), optional: true, since: '3.54' },
} as const
export const attachmentCreate = body('attachment', create)
export const attachmentUpdate = body('attachment', { connector: { schema: object } })
export const attachmentComplete = body(null, { 'os-complete': { schema: Type.Unknown() } })

export const attachmentBrief = view<Attachment>()({
  id: (a) => a.id,
  status: (a) => a.status,
  instance: (a) => a.serverId,
  volume_id: (a) => a.volumeId,
})
export const attachmentView = view<Attachment>()({
  id: (a) => a.id,
  status: (a) => a.status,
  instance: (a) => a.serverId,
  volume_id: (a) => a.volumeId,
  attached_at: (a) => timeOrNull(a.attachedAt) ?? '',
  // An attachment that has ended is gone, so none shows an end.
  detached_at: () => '',
  attach_mode: (a) => a.mode,
  connection_info: (a) => a.connectionInfo ?? {},
})

export const attachmentRules = rules({
  create: ['volume:attachment_create', member, 'Reserve a volume for a server'],
  update: ['volume:attachment_update', `${member} or rule:host_api`, 'Connect a host with a reserved volume'],
  complete: ['volume:attachment_complete', `${member} or rule:host_api`, 'Note that a volume is attached'],
  delete: ['volume:attachment_delete', member, 'End an attachment'],
})
