// Roles, of the cloud or of one domain, and which role implies which. https://docs.openstack.org/api-ref/identity/v3/#roles
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import { type Extra, immutableOption, name255, nullableId, type Options } from './field.ts'
import { admin, cloudWide, everywhere, reader } from './rule.ts'

export const role = table(
  'role',
  {
    id: c.text(64),
    name: c.text(255),
    /** `noDomain` for a role of the cloud: null would not be unique together with the name. */
    domainId: c.text(64),
    description: c.nullable(c.text()),
    options: c.json<Options>(),
    extra: c.json<Extra>(),
    createdAt: c.time(),
  },
  { unique: [['domainId', 'name']] },
)
export type Role = RowOf<typeof role>

/** Never a domain's id, which has no brackets. */
export const noDomain = '<none>'

export const implication = table(
  'implication',
  { priorRoleId: c.text(64), impliedRoleId: c.text(64) },
  { primaryKey: ['priorRoleId', 'impliedRoleId'], index: [['impliedRoleId']] },
)
export type Implication = RowOf<typeof implication>

const fields = {
  description: { schema: Type.String(), optional: true },
  options: { schema: immutableOption, optional: true },
  domain_id: { schema: nullableId, optional: true },
} as const
export const roleCreate = body('role', { name: { schema: name255 }, ...fields }, { extra: 'keep' })
export const roleUpdate = body(
  'role',
  { name: { schema: name255, optional: true }, ...fields },
  { extra: 'keep', least: 1 },
)
export type NewRole = ReturnType<typeof roleCreate.parse>
export type RoleChange = ReturnType<typeof roleUpdate.parse>

const declared = view<Role>()({
  id: (r) => r.id,
  name: (r) => r.name,
  domain_id: (r) => (r.domainId === noDomain ? null : r.domainId),
  description: (r) => r.description,
  options: (r) => r.options,
  links: (r, { origin }) => ({ self: `${origin}/v3/roles/${r.id}` }),
})
export const roleView = (r: Role, shown: { origin: string }) => ({ ...r.extra, ...declared(r, shown) })

/** As an inference rule names a role. */
export const roleReference = view<Role>()({
  id: (r) => r.id,
  name: (r) => r.name,
  description: (r) => r.description,
  links: (r, { origin }) => ({ self: `${origin}/v3/roles/${r.id}` }),
})

export function roleTarget(r: Role | undefined): Record<string, unknown> {
  return r
    ? { 'target.role.name': r.name, 'target.role.domain_id': r.domainId === noDomain ? null : r.domainId }
    : {}
}

const managed = '(role:manager and rule:domain_managed_target_role)'
export const roleRules = {
  list: rule(
    'identity:list_roles',
    `${reader} or (role:manager and not domain_id:None)`,
    'List roles of the cloud',
    everywhere,
  ),
  get: rule('identity:get_role', `${reader} or ${managed}`, 'Show a role of the cloud', everywhere),
  create: rule('identity:create_role', admin, 'Create a role of the cloud', cloudWide),
  update: rule('identity:update_role', admin, 'Change a role of the cloud', cloudWide),
  delete: rule('identity:delete_role', admin, 'Delete a role of the cloud', cloudWide),
}
export const domainRoleRules = {
  list: rule('identity:list_domain_roles', reader, 'List roles of a domain', cloudWide),
  get: rule('identity:get_domain_role', reader, 'Show a role of a domain', cloudWide),
  create: rule('identity:create_domain_role', admin, 'Create a role of a domain', cloudWide),
  update: rule('identity:update_domain_role', admin, 'Change a role of a domain', cloudWide),
  delete: rule('identity:delete_domain_role', admin, 'Delete a role of a domain', cloudWide),
}
export const implicationRules = {
  listAll: rule('identity:list_role_inference_rules', reader, 'List what roles imply', cloudWide),
  list: rule('identity:list_implied_roles', reader, 'List the roles that a role implies', cloudWide),
  get: rule('identity:get_implied_role', reader, 'Show that a role implies another', cloudWide),
  check: rule('identity:check_implied_role', reader, 'See whether a role implies another', cloudWide),
  create: rule('identity:create_implied_role', admin, 'Let a role imply another', cloudWide),
  delete: rule('identity:delete_implied_role', admin, 'End that a role implies another', cloudWide),
}
