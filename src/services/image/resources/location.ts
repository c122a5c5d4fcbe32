// Where the bytes of an image lie: one row for each store that has them, and for each place elsewhere that was named.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { rule } from '#kit/policy/policy.ts'
import { anyRole, ownerMay, projectScope } from './image.ts'

export const imageLocation = table(
  'image_location',
  {
    imageId: c.id(),
    /** Their order; gaps are possible. */
    position: c.int(),
    store: c.text(64),
    /** Null where the store is our own: then it says itself where an image lies. */
    url: c.nullable(c.text(2048)),
    metadata: c.json<Record<string, unknown>>(),
    createdAt: c.time(),
  },
  { primaryKey: ['imageId', 'position'], index: [['store']] },
)
export type ImageLocation = RowOf<typeof imageLocation>

/** Bytes that no image names any more and that are still to go. */
export const imageRemoval = table(
  'image_removal',
  { imageId: c.id(), store: c.text(64), dueAt: c.time() },
  { primaryKey: ['imageId', 'store'], index: [['dueAt']] },
)
export type ImageRemoval = RowOf<typeof imageRemoval>

/** Hashes of what lies at a location, in the words of its owner. */
export const validationData = Type.Object(
  {
    checksum: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$' })),
    os_hash_algo: Type.Union([Type.Literal('sha256'), Type.Literal('sha512')]),
    os_hash_value: Type.String({ pattern: '^[0-9a-f]{64}([0-9a-f]{64})?$' }),
  },
  { additionalProperties: false },
)

const service = 'rule:service_api'
export const locationRules = {
  get: rule(
    'get_image_location',
    'role:admin or (role:reader and project_id:%(project_id)s)',
    'See where the bytes of an image lie',
    projectScope,
    anyRole,
  ),
  set: ownerMay('set_image_location', 'Name a place where bytes of an image lie'),
  // Newer releases keep this for operators; Zed's clients remove locations of their own images.
  delete: ownerMay('delete_image_location', 'Remove a location of an image'),
  add: rule(
    'add_image_location',
    `${service} or (role:member and project_id:%(project_id)s and project_id:%(owner)s)`,
    'Add a location to an image without bytes',
    projectScope,
  ),
  fetch: rule('fetch_image_location', service, 'List all locations of an image', projectScope),
  storeDetail: rule('stores_info_detail', service, 'See what kind of stores there are', projectScope),
}
