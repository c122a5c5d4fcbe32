// POST /volumes/{id}/action: one key says what.
import { route } from '../app.ts'
import {
  deleteVolumeBy,
  editMetadata,
  extendVolume,
  needKey,
  resetStatus,
  setBootable,
  setReadOnly,
} from '../ops/volume.ts'
import {
  attach,
  beginDetaching,
  detach,
  initializeConnection,
  reserve,
  rollDetaching,
  terminateConnection,
  unreserve,
} from '../ops/volume-action.ts'
import { loadVolume } from '../ops/volume-load.ts'
import { readBool } from '../resources/schema.ts'
import { volumeRules } from '../resources/volume.ts'
import {
  attachBody,
  bootableBody,
  connectBody,
  detachBody,
  extendBody,
  forceDetachBody,
  imageMetadataBody,
  imageMetadataRemoveBody,
  readOnlyBody,
  resetStatusBody,
} from '../resources/volume-body.ts'

const path = '/volumes/:id/action'
const idOf = (value: unknown) => (value === null || value === undefined ? undefined : String(value))

export const volumeActionRoutes = [
  route('POST', path, {
    action: 'os-extend',
    policy: volumeRules.extend,
    status: 202,
    body: extendBody,
    handle: (context, { params, body }) => extendVolume(context, params.id!, body.newSize),
  }),
  route('POST', path, {
    action: 'os-reset_status',
    policy: volumeRules.resetStatus,
    status: 202,
    body: resetStatusBody,
    handle: (context, { params, body }) => resetStatus(context, params.id!, body),
  }),
  route('POST', path, {
    action: 'os-set_bootable',
    policy: volumeRules.update,
    status: 200,
    body: bootableBody,
    handle: (context, { params, body }) => setBootable(context, params.id!, readBool(body.bootable)),
  }),
  route('POST', path, {
    action: 'os-update_readonly_flag',
    policy: volumeRules.readOnly,
    status: 202,
    body: readOnlyBody,
    handle: (context, { params, body }) => setReadOnly(context, params.id!, readBool(body.readonly)),
  }),
  route('POST', path, {
    action: 'os-set_image_metadata',
    policy: volumeRules.imageMetadataSet,
    body: imageMetadataBody,
    handle: async (context, { params, body }) => ({
      metadata: await editMetadata(
        context,
        params.id!,
        'imageMetadata',
        volumeRules.imageMetadataSet,
        (now) => ({
          ...now,
          ...body.metadata,
        }),
      ),
    }),
  }),
  route('POST', path, {
    action: 'os-unset_image_metadata',
    policy: volumeRules.imageMetadataRemove,
    status: 200,
    body: imageMetadataRemoveBody,
    handle: async (context, { params, body }) => {
      await editMetadata(context, params.id!, 'imageMetadata', volumeRules.imageMetadataRemove, (now) => {
        needKey(now, body.key)
        const { [body.key]: _, ...rest } = now
        return rest
      })
    },
  }),
  route('POST', path, {
    action: 'os-show_image_metadata',
    policy: volumeRules.metadata,
    handle: async (context, { params }) => ({
      metadata: (await loadVolume(context, params.id!, volumeRules.metadata)).imageMetadata ?? {},
    }),
  }),
  route('POST', path, {
    action: 'os-force_delete',
    policy: volumeRules.forceDelete,
    status: 202,
    handle: (context, { params }) => deleteVolumeBy(context, params.id!, volumeRules.forceDelete, true),
  }),
  route('POST', path, {
    action: 'os-reserve',
    policy: volumeRules.reserve,
    status: 202,
    handle: (context, { params }) => reserve(context, params.id!),
  }),
  route('POST', path, {
    action: 'os-unreserve',
    policy: volumeRules.unreserve,
    status: 202,
    handle: (context, { params }) => unreserve(context, params.id!),
  }),
  route('POST', path, {
    action: 'os-begin_detaching',
    policy: volumeRules.beginDetaching,
    status: 202,
    handle: (context, { params }) => beginDetaching(context, params.id!),
  }),
  route('POST', path, {
    action: 'os-roll_detaching',
    policy: volumeRules.rollDetaching,
    status: 202,
    handle: (context, { params }) => rollDetaching(context, params.id!),
  }),
  route('POST', path, {
    action: 'os-attach',
    policy: volumeRules.attach,
    status: 202,
    body: attachBody,
    handle: (context, { params, body }) => attach(context, params.id!, body),
  }),
  route('POST', path, {
    action: 'os-detach',
    policy: volumeRules.detach,
    status: 202,
    body: detachBody,
    handle: (context, { params, body }) =>
      detach(context, params.id!, idOf(body.detach?.attachment_id), false),
  }),
  route('POST', path, {
    action: 'os-force_detach',
    policy: volumeRules.forceDetach,
    status: 202,
    body: forceDetachBody,
    handle: (context, { params, body }) => detach(context, params.id!, body.attachmentId, true),
  }),
  route('POST', path, {
    action: 'os-initialize_connection',
    policy: volumeRules.connect,
    body: connectBody,
    handle: async (context, { params, body }) => ({
      connection_info: await initializeConnection(context, params.id!, body.connector),
    }),
  }),
  route('POST', path, {
    action: 'os-terminate_connection',
    policy: volumeRules.disconnect,
    status: 202,
    handle: (context, { params }) => terminateConnection(context, params.id!),
  }),
]
