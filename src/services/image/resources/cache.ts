// Copies of images that this cloud keeps close by, and those that wait to be fetched.
import { c, type RowOf, table } from '#kit/db/table.ts'
import { rule } from '#kit/policy/policy.ts'
import { projectScope } from './image.ts'

export const cachedImage = table(
  'cached_image',
  {
    imageId: c.id(),
    state: c.text<'queued' | 'cached'>(16),
    size: c.bigint(),
    hits: c.int(),
    queuedAt: c.time(),
    accessedAt: c.time(),
    modifiedAt: c.time(),
  },
  { primaryKey: ['imageId'], index: [['state', 'queuedAt']] },
)
export type CachedImage = RowOf<typeof cachedImage>

/** Times are seconds since the epoch, with fractions. */
export function cachedView(row: CachedImage): Record<string, unknown> {
  return {
    image_id: row.imageId,
    hits: row.hits,
    last_accessed: row.accessedAt / 1000,
    last_modified: row.modifiedAt / 1000,
    size: row.size,
  }
}

export const cacheRules = {
  list: rule('cache_list', 'role:admin', 'See what is cached', projectScope),
  queue: rule('cache_image', 'role:admin', 'Have an image cached', projectScope),
  delete: rule('cache_delete', 'role:admin', 'Remove images from the cache', projectScope),
  clean: rule('cache_clean', 'role:admin', 'Remove broken copies from the cache', projectScope),
  prune: rule('cache_prune', 'role:admin', 'Bring the cache down to its size', projectScope),
}
