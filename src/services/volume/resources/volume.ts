// Volumes: what is kept of each, which states allow which action, and who may do what.

import { c, type RowOf, table } from '#kit/db/table.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { admin, member, reader, rules } from './policy.ts'

export type VolumeStatus =
  | 'creating'
  | 'downloading'
  | 'available'
  | 'reserved'
  | 'attaching'
  | 'in-use'
  | 'detaching'
  | 'extending'
  | 'maintenance'
  | 'deleting'
  | 'error'
  | 'error_deleting'
  | 'error_extending'

export const volume = table(
  'volume',
  {
    /** The order in which they were made. */
    number: c.autoId(),
    id: c.id(),
    projectId: c.text(64),
    userId: c.text(64),
    name: c.nullable(c.text(255)),
    description: c.nullable(c.text(255)),
    /** GiB. */
    size: c.int(),
    /** GiB, while it is being made larger: what counts against quotas and hosts. */
    growsTo: c.nullable(c.int()),
    status: c.text<VolumeStatus>(32),
    /** Where it lies: 'node1@file'; null until a host is chosen, and after that host has given it up. */
    host: c.nullable(c.text(255)),
    typeId: c.id(),
    availabilityZone: c.text(255),
    bootable: c.bool(),
    multiattach: c.bool(),
    readOnly: c.bool(),
    metadata: c.json<Record<string, string>>(),
    /** What the image said when the volume was filled from it; null for a volume of no image. */
    imageMetadata: c.json<Record<string, string> | null>(),
    migrationStatus: c.nullable(c.text(32)),
    updatedAt: c.nullable(c.time()),
    createdAt: c.time(),
  },
  { unique: [['id']], index: [['projectId', 'number'], ['host'], ['typeId'], ['status']] },
)
export type Volume = RowOf<typeof volume>

/** The host on whose agent a back end lies: 'node1' of 'node1@file'. */
export const agentOf = (host: string) => host.split('@')[0]!

export const subjectOf = (volumeId: string) => `volume:${volumeId}`
export const volumeTarget = (row: { projectId: string; userId?: string }) => ({
  project_id: row.projectId,
  user_id: row.userId,
})

/** Statuses in which each action is allowed. */
const allowed = {
  delete: ['available', 'error', 'error_deleting', 'error_extending', 'maintenance'],
  reserve: ['available', 'reserved', 'attaching', 'in-use'],
  unreserve: ['reserved', 'attaching'],
  attach: ['available', 'reserved', 'attaching'],
  beginDetaching: ['in-use'],
  rollDetaching: ['detaching'],
  detach: ['in-use', 'detaching'],
  extend: ['available'],
  connect: ['available', 'reserved', 'attaching', 'in-use', 'detaching'],
} satisfies Record<string, VolumeStatus[]>
export type VolumeAction = keyof typeof allowed

/** Throws 400, as Cinder answers a volume in the wrong state. */
export function requireStatus(row: Volume, action: VolumeAction, words: string): void {
  const fit: readonly VolumeStatus[] = allowed[action]
  // Only volumes made for it serve two servers; for others, being reserved is as good as taken.
  if (action === 'reserve' && !row.multiattach && row.status !== 'available')
    throw wrongStatus(row, ['available'], words)
  if (!fit.includes(row.status)) throw wrongStatus(row, fit, words)
}

function wrongStatus(row: Volume, fit: readonly string[], words: string): CloudError {
  return new CloudError(
    'badRequest',
    `Invalid volume: Volume ${row.id} status must be ${fit.join(' or ')} to ${words}, but the current status is ${row.status}.`,
  )
}

export const volumeRules = rules({
  create: ['volume:create', member, 'Create a volume'],
  createFromImage: ['volume:create_from_image', member, 'Create a volume from an image'],
  multiattach: ['volume:multiattach', member, 'Create a volume that several servers may use'],
  show: ['volume:get', reader, 'Show a volume'],
  list: ['volume:get_all', reader, 'List volumes'],
  update: ['volume:update', member, 'Change a volume'],
  delete: ['volume:delete', member, 'Delete a volume'],
  forceDelete: [
    'volume_extension:volume_admin_actions:force_delete',
    admin,
    'Delete a volume whatever its status',
  ],
  deleteByForce: ['volume:force_delete', admin, 'Delete a volume whatever its status, by its own call'],
  host: ['volume_extension:volume_host_attribute', admin, 'See on which host a volume lies'],
  tenant: ['volume_extension:volume_tenant_attribute', reader, "See a volume's project"],
  migration: ['volume_extension:volume_mig_status_attribute', admin, 'See whether a volume is migrating'],
  metadata: ['volume:get_volume_metadata', reader, "Show a volume's metadata"],
  metadataCreate: ['volume:create_volume_metadata', member, "Add to a volume's metadata"],
  metadataUpdate: ['volume:update_volume_metadata', member, "Change a volume's metadata"],
  metadataDelete: ['volume:delete_volume_metadata', member, "Remove from a volume's metadata"],
  imageMetadata: ['volume_extension:volume_image_metadata:show', reader, 'See what the image said'],
  imageMetadataSet: ['volume_extension:volume_image_metadata:set', member, 'Change what the image said'],
  imageMetadataRemove: [
    'volume_extension:volume_image_metadata:remove',
    member,
    'Remove what the image said',
  ],
  extend: ['volume:extend', member, 'Make a volume larger'],
  resetStatus: ['volume_extension:volume_admin_actions:reset_status', admin, "Set a volume's status by hand"],
  readOnly: ['volume:update_readonly_flag', member, 'Make a volume read-only'],
  attach: ['volume_extension:volume_actions:attach', member, 'Note that a volume is attached'],
  detach: ['volume_extension:volume_actions:detach', member, 'Note that a volume is detached'],
  forceDetach: ['volume_extension:volume_admin_actions:force_detach', admin, 'Detach a volume by force'],
  reserve: ['volume_extension:volume_actions:reserve', member, 'Reserve a volume'],
  unreserve: ['volume_extension:volume_actions:unreserve', member, 'Give a reserved volume back'],
  beginDetaching: ['volume_extension:volume_actions:begin_detaching', member, 'Begin to detach a volume'],
  rollDetaching: [
    'volume_extension:volume_actions:roll_detaching',
    member,
    'Leave a volume attached after all',
  ],
  connect: ['volume_extension:volume_actions:initialize_connection', member, 'Connect a host with a volume'],
  disconnect: [
    'volume_extension:volume_actions:terminate_connection',
    member,
    'Disconnect a host from a volume',
  ],
})
