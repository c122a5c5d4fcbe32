// Tags of a namespace: words that people may put on resources.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { inSeconds } from '#kit/http/iso-time.ts'
import { view } from '#kit/http/view.ts'
import { metadefBody, metadefName, shownTimes } from './metadef.ts'

export const metadefTag = table(
  'metadef_tag',
  { namespaceId: c.id(), name: c.text(80), createdAt: c.time(), updatedAt: c.time() },
  { primaryKey: ['namespaceId', 'name'] },
)
export type MetadefTag = RowOf<typeof metadefTag>

export const tagBody = metadefBody('tag', { name: { schema: metadefName('The name') } })
/** A tag inside the body of its namespace, or among several. */
export const tagItem = Type.Object(
  { name: metadefName('The name'), ...shownTimes },
  { additionalProperties: false },
)
export const tagsBody = metadefBody('tags', { tags: { schema: Type.Array(tagItem) } })

export const tagView = view<MetadefTag>()({
  name: (t) => t.name,
  created_at: (t) => inSeconds(t.createdAt),
  updated_at: (t) => inSeconds(t.updatedAt),
})
