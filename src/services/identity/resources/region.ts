// Regions of the catalog, which may lie in one another. https://docs.openstack.org/api-ref/identity/v3/#regions
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import { anyText, type Extra } from './field.ts'
import { admin, cloudWide, everywhere } from './rule.ts'

export const region = table(
  'region',
  {
    id: c.text(255),
    description: c.text(),
    parentRegionId: c.nullable(c.text(255)),
    extra: c.json<Extra>(),
    createdAt: c.time(),
  },
  { index: [['parentRegionId']] },
)
export type Region = RowOf<typeof region>

const longId = Type.String({ maxLength: 255 })
const fields = {
  id: { schema: longId, optional: true },
  description: { schema: anyText, optional: true },
  parent_region_id: { schema: Type.Union([longId, Type.Null()]), optional: true },
} as const
export const regionCreate = body('region', fields, { extra: 'keep' })
export const regionUpdate = body('region', fields, { extra: 'keep', least: 1 })
export type RegionGiven = ReturnType<typeof regionCreate.parse>

const declared = view<Region>()({
  id: (r) => r.id,
  description: (r) => r.description,
  parent_region_id: (r) => r.parentRegionId,
  links: (r, { origin }) => ({ self: `${origin}/v3/regions/${encodeURIComponent(r.id)}` }),
})
export const regionView = (r: Region, shown: { origin: string }) => ({ ...r.extra, ...declared(r, shown) })

export const regionRules = {
  list: rule('identity:list_regions', '', 'List regions', everywhere),
  get: rule('identity:get_region', '', 'Show a region', everywhere),
  create: rule('identity:create_region', admin, 'Create a region', cloudWide),
  update: rule('identity:update_region', admin, 'Change a region', cloudWide),
  delete: rule('identity:delete_region', admin, 'Delete a region', cloudWide),
}
