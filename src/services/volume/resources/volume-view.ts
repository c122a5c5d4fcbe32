// How volumes are shown: alike to all, and with their host to administrators.
import { view } from '#kit/http/view.ts'
import type { Attachment } from './attachment.ts'
import { timeOrNull } from './time.ts'
import type { Volume } from './volume.ts'

export type ShownVolume = Volume & {
  typeName: string | null
  attachments: Attachment[]
  /** The id of the service that holds it; null before a host is chosen. */
  serviceId: string | null
  /** The caller may see hosts. */
  admin: boolean
}

const links = (v: Volume, origin: string) => [
  { rel: 'self', href: `${origin}/v3/${v.projectId}/volumes/${v.id}` },
  { rel: 'bookmark', href: `${origin}/${v.projectId}/volumes/${v.id}` },
]

const onlyAdmin = (get: (v: ShownVolume) => unknown) => (v: ShownVolume) => (v.admin ? get(v) : undefined)

export const briefView = view<Volume>()({
  id: (v) => v.id,
  name: (v) => v.name,
  links: (v, { origin = '' }) => links(v, origin),
})

/** What the cloud itself says among a user's words, as Cinder does: for other clients it is the only place. */
function cloudsOwn({ readOnly, attachments }: ShownVolume): Record<string, string> {
  const mode = attachments.findLast(({ status }) => status === 'attached')?.mode
  return { ...(readOnly && { readonly: 'True' }), ...(mode && { attached_mode: mode }) }
}

const fields = {
  id: (v: ShownVolume) => v.id,
  status: (v: ShownVolume) => v.status,
  size: (v: ShownVolume) => v.size,
  availability_zone: (v: ShownVolume) => v.availabilityZone,
  created_at: (v: ShownVolume) => timeOrNull(v.createdAt),
  updated_at: (v: ShownVolume) => timeOrNull(v.updatedAt),
  name: (v: ShownVolume) => v.name,
  description: (v: ShownVolume) => v.description,
  volume_type: (v: ShownVolume) => v.typeName,
  // Neither snapshots nor copies of volumes exist here.
  snapshot_id: () => null,
  source_volid: () => null,
  consistencygroup_id: () => null,
  metadata: (v: ShownVolume) => ({ ...v.metadata, ...cloudsOwn(v) }),
  links: (v: ShownVolume, { origin = '' }) => links(v, origin),
  user_id: (v: ShownVolume) => v.userId,
  bootable: (v: ShownVolume) => String(v.bootable),
  encrypted: () => false,
  replication_status: () => null,
  migration_status: (v: ShownVolume) => v.migrationStatus,
  multiattach: (v: ShownVolume) => v.multiattach,
  attachments: (v: ShownVolume) =>
    v.attachments.filter((a) => a.status === 'attached').map((a) => attached(a, v.admin)),
  group_id: { since: '3.13', get: () => null },
  provider_id: { since: '3.21', get: onlyAdmin(() => null) },
  // Until 3.68 it is a boolean; hosts here share no target.
  shared_targets: { since: '3.48', get: () => false },
  service_uuid: { since: '3.48', get: (v: ShownVolume) => v.serviceId },
  cluster_name: { since: '3.61', get: onlyAdmin(() => null) },
  volume_type_id: { since: '3.63', get: (v: ShownVolume) => v.typeId },
  consumes_quota: { since: '3.65', get: () => true },
}

/** The answer to a creation or a change. */
export const volumeView = view<ShownVolume>()(fields)

/** The answer where it is shown. */
export const volumeDetailView = view<ShownVolume>()({
  ...fields,
  'os-vol-tenant-attr:tenant_id': (v) => v.projectId,
  'os-vol-host-attr:host': onlyAdmin((v) => v.host && `${v.host}#${v.host.split('@')[1]}`),
  'os-vol-mig-status-attr:migstat': onlyAdmin((v) => v.migrationStatus),
  'os-vol-mig-status-attr:name_id': onlyAdmin(() => null),
  volume_image_metadata: (v) => v.imageMetadata ?? undefined,
})

function attached(a: Attachment, admin: boolean): Record<string, unknown> {
  return {
    id: a.volumeId,
    attachment_id: a.id,
    volume_id: a.volumeId,
    server_id: a.serverId,
    host_name: admin ? a.hostName : null,
    device: a.mountpoint,
    attached_at: timeOrNull(a.attachedAt),
  }
}
