// Images. https://docs.openstack.org/api-ref/image/v2/
import { hostRole } from '#contracts/host.ts'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { inSeconds } from '#kit/http/iso-time.ts'
import { rule } from '#kit/policy/policy.ts'
import type { ImageLocation } from './location.ts'

export const image = table(
  'image',
  {
    id: c.id(),
    name: c.nullable(c.text(255)),
    status: c.text<ImageStatus>(32),
    visibility: c.text<Visibility>(16),
    owner: c.nullable(c.text(255)),
    containerFormat: c.nullable(c.text(32)),
    diskFormat: c.nullable(c.text(32)),
    /** Bytes; null until they are uploaded. */
    size: c.nullable(c.bigint()),
    virtualSize: c.nullable(c.bigint()),
    checksum: c.nullable(c.text(32)),
    osHashAlgo: c.nullable(c.text(64)),
    osHashValue: c.nullable(c.text(128)),
    /** MiB and GiB that a server needs to boot it. */
    minRam: c.int(),
    minDisk: c.int(),
    protected: c.bool(),
    osHidden: c.bool(),
    /** Stores that an import still has to fill, and those where it failed; null where none was asked for. */
    importingToStores: c.nullable(c.text()),
    failedImport: c.nullable(c.text()),
    /** The task that has the image for itself. */
    importTask: c.nullable(c.text(36)),
    /** The controller that takes its bytes just now. */
    claimedBy: c.nullable(c.text(255)),
    createdAt: c.time(),
    updatedAt: c.time(),
  },
  { index: [['owner'], ['visibility'], ['createdAt', 'id']] },
)
export type Image = RowOf<typeof image>

export const imageProperty = table(
  'image_property',
  { imageId: c.id(), name: c.text(255), value: c.text() },
  { primaryKey: ['imageId', 'name'], index: [['name']] },
)
export const imageTag = table(
  'image_tag',
  { imageId: c.id(), value: c.text(255) },
  { primaryKey: ['imageId', 'value'], index: [['value']] },
)

export type ImageStatus = 'queued' | 'saving' | 'uploading' | 'importing' | 'active' | 'deactivated'
export const visibilities = ['community', 'public', 'private', 'shared'] as const
export type Visibility = (typeof visibilities)[number]

/** An image with what stands in tables beside it. */
export type WholeImage = Image & {
  properties: Record<string, string>
  tags: string[]
  locations: ImageLocation[]
}

export const containerFormats = ['ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed']
/** The nine of row 20 and two that came later. */
export const diskFormats = ['ami', 'ari', 'aki', 'raw', 'vhd', 'vhdx', 'vmdk', 'qcow2', 'vdi', 'iso', 'ploop']

/** Set by the service alone: a client that sends one is refused. */
export const readOnlyFields = [
  'status',
  'size',
  'virtual_size',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'created_at',
  'updated_at',
  'self',
  'file',
  'schema',
  'direct_url',
  'stores',
]
/** No field, and no property of a client's either: v1 had them, or they have calls of their own. */
export const reservedFields = ['locations', 'location', 'deleted', 'deleted_at', '__proto__']
/** Properties that are the service's own business and no client's. */
export const reservedPrefixes = ['os_glance_']

/** `properties`: those that the caller may see. They come last: an object that begins differently each time is slow to write. */
export function imageView(image: WholeImage, properties = image.properties): Record<string, unknown> {
  const view: Record<string, unknown> = {
    name: image.name,
    disk_format: image.diskFormat,
    container_format: image.containerFormat,
    visibility: image.visibility,
    size: image.size,
    virtual_size: image.virtualSize,
    status: image.status,
    checksum: image.checksum,
    protected: image.protected,
    min_ram: image.minRam,
    min_disk: image.minDisk,
    owner: image.owner,
    os_hidden: image.osHidden,
    os_hash_algo: image.osHashAlgo,
    os_hash_value: image.osHashValue,
    id: image.id,
    created_at: inSeconds(image.createdAt),
    updated_at: inSeconds(image.updatedAt),
    tags: image.tags,
    self: `/v2/images/${image.id}`,
    file: `/v2/images/${image.id}/file`,
    schema: '/v2/schemas/image',
  }
  for (const name of Object.keys(properties)) if (!Object.hasOwn(view, name)) view[name] = properties[name]
  return view
}

/** What a rule may name; `memberId` is set where the image is shared with the caller. */
export function imageTarget(
  image: Pick<Image, 'owner' | 'visibility'>,
  memberId?: string,
): Record<string, unknown> {
  return { project_id: image.owner, owner: image.owner, visibility: image.visibility, member_id: memberId }
}

/** Of a rule: the members of the image's project, and administrators. */
const ownerRule = 'rule:context_is_admin or (role:member and project_id:%(project_id)s)'
export const projectScope = ['project'] as const
/** Before Glance knew readers, whatever role in the project let a caller do all that its members do. */
export const anyRole = { check: 'project_id:%(project_id)s' }
export const ownerMay = (name: string, description: string) =>
  rule(name, ownerRule, description, projectScope, anyRole)

const seen =
  "project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s or 'public':%(visibility)s"
export const imageRules = {
  everyone: rule('default', '', 'What rules without a check of their own fall back to'),
  contextIsAdmin: rule('context_is_admin', 'role:admin', 'Who counts as an administrator of images'),
  service: rule('service_api', 'role:service or role:admin', 'Another service of the cloud'),
  host: rule('host_api', `role:${hostRole}`, 'The agent of a host that joined the cloud'),
  manageCache: rule('manage_image_cache', 'rule:context_is_admin', 'Whom files for Glance let use the cache'),
  add: rule(
    'add_image',
    'rule:context_is_admin or (role:member and project_id:%(project_id)s and project_id:%(owner)s)',
    'Create an image',
    projectScope,
    { check: 'project_id:%(project_id)s and project_id:%(owner)s' },
  ),
  get: rule(
    'get_image',
    `rule:context_is_admin or (role:reader and (${seen})) or rule:host_api`,
    'Show an image',
    projectScope,
    { check: seen },
  ),
  list: rule(
    'get_images',
    'rule:context_is_admin or (role:reader and project_id:%(project_id)s)',
    'List images',
    projectScope,
    anyRole,
  ),
  modify: ownerMay('modify_image', 'Change an image'),
  delete: ownerMay('delete_image', 'Delete an image'),
  publicize: rule('publicize_image', 'rule:context_is_admin', 'Make an image public', projectScope),
  communitize: ownerMay('communitize_image', 'Make an image known to the community'),
  upload: ownerMay('upload_image', 'Upload the bytes of an image'),
  download: rule(
    'download_image',
    `rule:context_is_admin or (role:member and (${seen})) or rule:host_api`,
    'Download an image',
    projectScope,
    { check: seen },
  ),
  deactivate: ownerMay('deactivate', 'Stop downloads of an image'),
  reactivate: ownerMay('reactivate', 'Allow downloads of an image again'),
}
