// What requests say of volumes.
import { Type } from 'typebox'
import { body } from '#kit/http/body.ts'
import {
  bool,
  boolOrNull,
  metadata,
  metadataOrNull,
  nullable,
  object,
  objectOrNull,
  text255,
  uuid,
  whole,
  wholeOrNull,
} from './schema.ts'

const imageId = { schema: nullable(Type.String({ maxLength: 255 })), optional: true } as const
const id = { schema: nullable(Type.String({ maxLength: 255 })), optional: true } as const
const names = {
  name: { schema: text255, optional: true },
  description: { schema: text255, optional: true },
  display_name: { schema: text255, optional: true },
  display_description: { schema: text255, optional: true },
} as const
const createFields = {
  ...names,
  size: { schema: wholeOrNull, optional: true },
  volume_type: { schema: text255, optional: true },
  metadata: { schema: metadataOrNull, optional: true },
  availability_zone: { schema: nullable(Type.String({ minLength: 1, maxLength: 255 })), optional: true },
  multiattach: { schema: boolOrNull, optional: true },
  imageRef: imageId,
  image_id: imageId,
  snapshot_id: id,
  source_volid: id,
  consistencygroup_id: id,
  group_id: { ...id, since: '3.13' },
  backup_id: { ...id, since: '3.47' },
} as const

/** Until 3.52 members that nobody knows are passed over; from 3.53 on they are refused. */
export const volumeCreateLoose = body('volume', createFields, { extra: 'ignore' })
export const volumeCreate = body('volume', createFields)
export type VolumeCreate = ReturnType<(typeof volumeCreate)['parse']>

export const volumeUpdate = body('volume', { ...names, metadata: { schema: metadata, optional: true } })
export type VolumeUpdate = ReturnType<(typeof volumeUpdate)['parse']>

export const metadataBody = body(null, { metadata: { schema: metadata } })
export const metaBody = body(null, {
  meta: {
    schema: Type.Unsafe<Record<string, string>>({ ...metadata, minProperties: 1, maxProperties: 1 }),
  },
})

export const extendBody = body('os-extend', { new_size: { schema: whole } })
export const resetStatusBody = body(
  'os-reset_status',
  {
    status: { schema: Type.String({ minLength: 1, maxLength: 255 }), optional: true },
    attach_status: { schema: Type.String({ minLength: 1, maxLength: 255 }), optional: true },
    migration_status: { schema: text255, optional: true },
  },
  { extra: 'refuse' },
)
export const bootableBody = body('os-set_bootable', { bootable: { schema: bool } })
export const readOnlyBody = body('os-update_readonly_flag', { readonly: { schema: bool } })
export const imageMetadataBody = body('os-set_image_metadata', { metadata: { schema: metadata } })
export const imageMetadataRemoveBody = body('os-unset_image_metadata', {
  key: { schema: Type.String({ minLength: 1, maxLength: 255 }) },
})
export const attachBody = body('os-attach', {
  instance_uuid: { schema: uuid, optional: true },
  host_name: { schema: Type.String({ maxLength: 255 }), optional: true },
  mountpoint: { schema: Type.String({ minLength: 1, maxLength: 255 }) },
  mode: { schema: Type.Union([Type.Literal('rw'), Type.Literal('ro')]), optional: true },
})
export const connectBody = body('os-initialize_connection', { connector: { schema: object } })
export const detachBody = body(null, {
  'os-detach': { schema: objectOrNull, as: 'detach' },
})
export const forceDetachBody = body(
  'os-force_detach',
  { attachment_id: { schema: nullable(uuid), optional: true } },
  { extra: 'ignore' },
)
