// Users, with their password's hash but never showing it. https://docs.openstack.org/api-ref/identity/v3/#users
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import { anyText, type Extra, flag, id, name255, nullableId, type Options, zonelessTime } from './field.ts'
import { admin, everywhere, reader } from './rule.ts'

export const user = table(
  'user',
  {
    id: c.text(64),
    name: c.text(255),
    domainId: c.text(64),
    description: c.nullable(c.text()),
    enabled: c.bool(),
    defaultProjectId: c.nullable(c.text(64)),
    /** Null where there is none: nobody logs in with a password then. */
    passwordHash: c.nullable(c.text()),
    passwordSetAt: c.nullable(c.time()),
    /** At once where it must be changed before its first use; null for never. */
    passwordExpiresAt: c.nullable(c.time()),
    /** Chosen by the user and not by an administrator. */
    passwordBySelf: c.nullable(c.bool()),
    /** The day of the last login, or of the creation or enabling; kept only where the inactive are disabled. */
    lastActiveAt: c.nullable(c.time()),
    /** In a row, up to `lastFailedAt`. */
    failedLogins: c.nullable(c.int()),
    lastFailedAt: c.nullable(c.time()),
    options: c.json<Options>(),
    extra: c.json<Extra>(),
    createdAt: c.time(),
  },
  { unique: [['domainId', 'name']], index: [['defaultProjectId']] },
)
export type User = RowOf<typeof user>

/** Hashes of passwords that a user had before, for rules against using them again. */
export const oldPassword = table(
  'old_password',
  { seq: c.autoId(), userId: c.text(64), hash: c.text(), createdAt: c.time() },
  { index: [['userId']] },
)
export type OldPassword = RowOf<typeof oldPassword>

const switchOption = Type.Optional(Type.Union([Type.Boolean(), Type.Null()]))
const methodList = Type.Array(Type.String(), { minItems: 1, uniqueItems: true })
const options = Type.Object(
  {
    ignore_change_password_upon_first_use: switchOption,
    ignore_password_expiry: switchOption,
    ignore_lockout_failure_attempts: switchOption,
    lock_password: switchOption,
    ignore_user_inactivity: switchOption,
    multi_factor_auth_rules: Type.Optional(
      Type.Union([Type.Array(methodList, { uniqueItems: true }), Type.Null()]),
    ),
    multi_factor_auth_enabled: switchOption,
  },
  { additionalProperties: false },
)
const fields = {
  domain_id: { schema: id, optional: true },
  description: { schema: anyText, optional: true },
  enabled: { schema: flag, optional: true },
  default_project_id: { schema: nullableId, optional: true },
  password: { schema: anyText, optional: true },
  options: { schema: options, optional: true },
} as const
export const userCreate = body('user', { name: { schema: name255 }, ...fields }, { extra: 'keep' })
export const userUpdate = body(
  'user',
  { name: { schema: name255, optional: true }, ...fields },
  { extra: 'keep', least: 1 },
)
export const passwordChange = body('user', {
  original_password: { schema: Type.String() },
  password: { schema: Type.String() },
})
export type NewUser = ReturnType<typeof userCreate.parse>
export type UserChange = ReturnType<typeof userUpdate.parse>

const declared = view<User>()({
  id: (u) => u.id,
  name: (u) => u.name,
  domain_id: (u) => u.domainId,
  enabled: (u) => u.enabled,
  description: (u) => u.description ?? undefined,
  default_project_id: (u) => u.defaultProjectId ?? undefined,
  password_expires_at: (u) => zonelessTime(u.passwordExpiresAt),
  options: (u) => u.options,
  links: (u, { origin }) => ({ self: `${origin}/v3/users/${u.id}` }),
})
export const userView = (u: User, shown: { origin: string }) => ({ ...u.extra, ...declared(u, shown) })

export function userTarget(u: { id?: string; domainId: string } | undefined): Record<string, unknown> {
  return u ? { 'target.user.id': u.id, 'target.user.domain_id': u.domainId, user_id: u.id } : {}
}

const managers = `${admin} or (role:manager and token.domain.id:%(target.user.domain_id)s)`
export const userRules = {
  list: rule(
    'identity:list_users',
    `${reader} or (role:reader and domain_id:%(target.domain_id)s)`,
    'List users',
    everywhere,
  ),
  get: rule(
    'identity:get_user',
    `${reader} or (role:reader and token.domain.id:%(target.user.domain_id)s) or user_id:%(target.user.id)s`,
    'Show a user',
    everywhere,
  ),
  create: rule('identity:create_user', managers, 'Create a user', everywhere),
  update: rule('identity:update_user', managers, 'Change a user', everywhere),
  delete: rule('identity:delete_user', managers, 'Delete a user', everywhere),
}
