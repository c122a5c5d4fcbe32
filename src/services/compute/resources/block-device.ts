// What disks a server has: its image's, and its volumes. https://docs.openstack.org/nova/latest/user/block-device-mapping.html
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { bool, nullable, tag, uuid, whole } from './schema.ts'

export const blockDevice = table(
  'block_device',
  {
    id: c.id(),
    serverId: c.id(),
    source: c.text<'image' | 'volume' | 'snapshot' | 'blank'>(16),
    destination: c.text<'local' | 'volume'>(16),
    bootIndex: c.nullable(c.int()),
    /** '/dev/vdb' */
    device: c.text(255),
    imageId: c.nullable(c.id()),
    snapshotId: c.nullable(c.id()),
    volumeId: c.nullable(c.id()),
    volumeType: c.nullable(c.text(255)),
    /** GiB. */
    sizeGb: c.nullable(c.int()),
    guestFormat: c.nullable(c.text(255)),
    deleteOnTermination: c.bool(),
    /** The volume was made for the server. */
    made: c.bool(),
    attachmentId: c.nullable(c.id()),
    tag: c.nullable(c.text(60)),
    /** Attached volumes are shown; those on their way in or out are not orders for the host. */
    state: c.text<'attaching' | 'attached' | 'detaching'>(16),
    createdAt: c.time(),
  },
  { index: [['serverId'], ['volumeId']] },
)
export type BlockDevice = RowOf<typeof blockDevice>

const text = Type.String({ maxLength: 255 })
const deviceName = Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._/-]*$' })

/** One entry of block_device_mapping_v2; `volume_type` and `tag` hold from versions of their own. */
export const mappingV2 = Type.Object(
  {
    source_type: Type.Optional(
      Type.Union([
        Type.Literal('volume'),
        Type.Literal('image'),
        Type.Literal('snapshot'),
        Type.Literal('blank'),
      ]),
    ),
    destination_type: Type.Optional(Type.Union([Type.Literal('local'), Type.Literal('volume')])),
    uuid: Type.Optional(Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._-]*$' })),
    image_id: Type.Optional(uuid),
    volume_id: Type.Optional(uuid),
    snapshot_id: Type.Optional(uuid),
    volume_size: Type.Optional(whole),
    device_name: Type.Optional(deviceName),
    boot_index: Type.Optional(
      Type.Unsafe<number | string | null>({ type: ['integer', 'string', 'null'], pattern: '^-?[0-9]+$' }),
    ),
    delete_on_termination: Type.Optional(bool),
    guest_format: Type.Optional(text),
    device_type: Type.Optional(text),
    disk_bus: Type.Optional(text),
    virtual_name: Type.Optional(text),
    no_device: Type.Optional(Type.Unknown()),
    connection_info: Type.Optional(Type.String({ maxLength: 16_777_215 })),
    volume_type: Type.Optional(nullable(text)),
    tag: Type.Optional(tag),
  },
  { additionalProperties: false },
)
export const mappingV1 = Type.Object(
  {
    volume_id: Type.Optional(uuid),
    snapshot_id: Type.Optional(uuid),
    volume_size: Type.Optional(whole),
    device_name: Type.Optional(deviceName),
    delete_on_termination: Type.Optional(bool),
    virtual_name: Type.Optional(text),
    no_device: Type.Optional(Type.Unknown()),
    connection_info: Type.Optional(Type.String({ maxLength: 16_777_215 })),
  },
  { additionalProperties: false },
)

export const attachmentCreate = body('volumeAttachment', {
  volumeId: { schema: uuid },
  device: { schema: nullable(deviceName), optional: true },
  tag: { schema: tag, since: '2.49', optional: true },
  delete_on_termination: { schema: Type.Boolean(), since: '2.79', optional: true },
})
export const attachmentUpdate = body('volumeAttachment', {
  volumeId: { schema: uuid },
  id: { schema: uuid, optional: true },
  serverId: { schema: uuid, optional: true },
  device: { schema: nullable(deviceName), optional: true },
  tag: { schema: tag, optional: true },
  delete_on_termination: { schema: Type.Boolean(), optional: true },
})

export const attachmentView = view<BlockDevice>()({
  id: { until: '2.88', get: (b) => b.volumeId },
  serverId: (b) => b.serverId,
  volumeId: (b) => b.volumeId,
  device: (b) => b.device,
  tag: { since: '2.70', get: (b) => b.tag },
  delete_on_termination: { since: '2.79', get: (b) => b.deleteOnTermination },
  attachment_id: { since: '2.89', get: (b) => b.attachmentId },
  bdm_uuid: { since: '2.89', get: (b) => b.id },
})
