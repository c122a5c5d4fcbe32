// Trusts: a user lets another act with some of its roles in a project. https://docs.openstack.org/api-ref/identity/v3-ext/#os-trust-api
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import { roleWish } from './application-credential.ts'
import { anyText, flag, microseconds, nullableId } from './field.ts'
import { type Role, roleView } from './role.ts'
import { cloudWide, reader } from './rule.ts'

export const trust = table(
  'trust',
  {
    id: c.text(64),
    trustorUserId: c.text(64),
    trusteeUserId: c.text(64),
    projectId: c.nullable(c.text(64)),
    impersonation: c.bool(),
    roleIds: c.json<string[]>(),
    expiresAt: c.nullable(c.time()),
    /** Null for any number of tokens. */
    remainingUses: c.nullable(c.int()),
    redelegatedTrustId: c.nullable(c.text(64)),
    redelegationCount: c.int(),
    createdAt: c.time(),
  },
  { index: [['trustorUserId'], ['trusteeUserId'], ['projectId'], ['redelegatedTrustId']] },
)
export type Trust = RowOf<typeof trust>

const userId = Type.String({ minLength: 1, maxLength: 64 })
const count = (minimum: number) =>
  Type.Union([Type.Integer({ minimum, maximum: 2_147_483_647 }), Type.Null()])
export const trustCreate = body(
  'trust',
  {
    trustor_user_id: { schema: userId },
    trustee_user_id: { schema: userId },
    impersonation: { schema: flag },
    project_id: { schema: nullableId, optional: true },
    remaining_uses: { schema: count(1), optional: true },
    expires_at: { schema: anyText, optional: true },
    allow_redelegation: { schema: Type.Union([flag, Type.Null()]), optional: true },
    redelegation_count: { schema: count(0), optional: true },
    roles: { schema: Type.Array(roleWish), optional: true },
  },
  { extra: 'ignore' },
)
export type NewTrust = ReturnType<typeof trustCreate.parse>

/** `roles` are left out of lists. */
export type TrustShown = Trust & { roles?: Role[] }

export const trustView = view<TrustShown>()({
  id: (t) => t.id,
  trustor_user_id: (t) => t.trustorUserId,
  trustee_user_id: (t) => t.trusteeUserId,
  project_id: (t) => t.projectId,
  impersonation: (t) => t.impersonation,
  expires_at: (t) => microseconds(t.expiresAt),
  remaining_uses: (t) => t.remainingUses,
  deleted_at: () => null,
  redelegated_trust_id: (t) => t.redelegatedTrustId,
  redelegation_count: (t) => t.redelegationCount,
  roles: (t, { origin }) => t.roles?.map((role) => roleView(role, { origin: origin! })),
  roles_links: (t, { origin }) =>
    t.roles && { self: `${origin}/v3/OS-TRUST/trusts/${t.id}/roles`, next: null, previous: null },
  links: (t, { origin }) => ({ self: `${origin}/v3/OS-TRUST/trusts/${t.id}` }),
})

export function trustTarget(t: { trustorUserId: string; trusteeUserId: string } | undefined) {
  return t
    ? {
        'target.trust.trustor_user_id': t.trustorUserId,
        'target.trust.trustee_user_id': t.trusteeUserId,
      }
    : {}
}

const trustor = 'user_id:%(target.trust.trustor_user_id)s'
const trustee = 'user_id:%(target.trust.trustee_user_id)s'
const readers = `${reader} or ${trustor} or ${trustee}`
export const trustRules = {
  list: rule('identity:list_trusts', reader, 'List trusts', cloudWide),
  listOfTrustor: rule(
    'identity:list_trusts_for_trustor',
    `${reader} or ${trustor}`,
    'List trusts one gave',
    cloudWide,
  ),
  listOfTrustee: rule(
    'identity:list_trusts_for_trustee',
    `${reader} or ${trustee}`,
    'List trusts one got',
    cloudWide,
  ),
  get: rule('identity:get_trust', readers, 'Show a trust', cloudWide),
  listRoles: rule('identity:list_roles_for_trust', readers, "List a trust's roles", cloudWide),
  getRole: rule('identity:get_role_for_trust', readers, "Show a trust's role", cloudWide),
  create: rule('identity:create_trust', trustor, 'Trust somebody', ['project']),
  delete: rule('identity:delete_trust', `rule:admin_required or ${trustor}`, 'End a trust', cloudWide),
}
