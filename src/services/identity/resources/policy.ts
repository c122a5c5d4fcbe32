// Policies: documents that identity keeps for others and never reads. https://docs.openstack.org/api-ref/identity/v3/#policies
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import type { Extra } from './field.ts'
import { admin, cloudWide, reader } from './rule.ts'

export const policy = table(
  'policy',
  { id: c.text(64), type: c.text(255), blob: c.text(), extra: c.json<Extra>(), createdAt: c.time() },
  { index: [['type']] },
)
export type Policy = RowOf<typeof policy>

const blob = Type.String()
const type = Type.String({ maxLength: 255 })
export const policyCreate = body(
  'policy',
  { blob: { schema: blob }, type: { schema: type } },
  { extra: 'keep' },
)
export const policyUpdate = body(
  'policy',
  { blob: { schema: blob, optional: true }, type: { schema: type, optional: true } },
  { extra: 'keep', least: 1 },
)
export type NewPolicy = ReturnType<typeof policyCreate.parse>
export type PolicyChange = ReturnType<typeof policyUpdate.parse>

const declared = view<Policy>()({
  id: (p) => p.id,
  type: (p) => p.type,
  blob: (p) => p.blob,
  links: (p, { origin }) => ({ self: `${origin}/v3/policies/${p.id}` }),
})
export const policyView = (p: Policy, shown: { origin: string }) => ({ ...p.extra, ...declared(p, shown) })

export const policyRules = {
  list: rule('identity:list_policies', reader, 'List policies', cloudWide),
  get: rule('identity:get_policy', reader, 'Show a policy', cloudWide),
  create: rule('identity:create_policy', admin, 'Create a policy', cloudWide),
  update: rule('identity:update_policy', admin, 'Change a policy', cloudWide),
  delete: rule('identity:delete_policy', admin, 'Delete a policy', cloudWide),
}
