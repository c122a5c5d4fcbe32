// Application credentials: a secret with which a program logs in as its user, in one project and with some of its roles.
// https://docs.openstack.org/api-ref/identity/v3/#application-credentials
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import { anyText, flag, id, name255, zonelessTime } from './field.ts'
import { cloudWide, reader } from './rule.ts'

export const applicationCredential = table(
  'application_credential',
  {
    id: c.text(64),
    name: c.text(255),
    userId: c.text(64),
    projectId: c.text(64),
    description: c.nullable(c.text()),
    secretHash: c.text(),
    roleIds: c.json<string[]>(),
    accessRuleIds: c.nullable(c.json<string[]>()),
    /** Milliseconds with fractions: clients compare what they gave to the microsecond. */
    expiresAt: c.nullable(c.real()),
    /** Whether it may make further credentials and trusts. */
    unrestricted: c.bool(),
    createdAt: c.time(),
  },
  { unique: [['userId', 'name']], index: [['projectId']] },
)
export type ApplicationCredential = RowOf<typeof applicationCredential>

export const accessRule = table(
  'access_rule',
  {
    id: c.text(64),
    userId: c.text(64),
    service: c.text(64),
    path: c.text(225),
    method: c.text(16),
    createdAt: c.time(),
  },
  { index: [['userId']] },
)
export type AccessRule = RowOf<typeof accessRule>

const domainWish = Type.Object(
  { id: Type.Optional(id), name: Type.Optional(name255) },
  { additionalProperties: false },
)
/** A role by its id or by its name, as requests give it. */
export const roleWish = Type.Object(
  { id: Type.Optional(id), name: Type.Optional(name255), domain: Type.Optional(domainWish) },
  { additionalProperties: false, minProperties: 1 },
)
const accessRuleWish = Type.Object(
  {
    id: Type.Optional(id),
    path: Type.Optional(Type.String({ maxLength: 225, pattern: '^/' })),
    method: Type.Optional(Type.String({ pattern: '^(POST|GET|HEAD|PATCH|PUT|DELETE)$' })),
    service: Type.Optional(id),
  },
  { additionalProperties: false },
)
export const applicationCredentialCreate = body(
  'application_credential',
  {
    name: { schema: name255 },
    description: { schema: anyText, optional: true },
    secret: { schema: anyText, optional: true },
    expires_at: { schema: anyText, optional: true },
    roles: { schema: Type.Array(roleWish), optional: true },
    unrestricted: { schema: flag, optional: true },
    access_rules: { schema: Type.Array(accessRuleWish), optional: true },
  },
  { extra: 'ignore' },
)
export type NewApplicationCredential = ReturnType<typeof applicationCredentialCreate.parse>

export type ShownRole = { id: string; name: string; domain_id: string | null }
/** With what its view shows of other rows, and the secret just after it was made. */
export type ApplicationCredentialShown = ApplicationCredential & {
  roles: ShownRole[]
  accessRules: AccessRule[]
  secret?: string
}

export const applicationCredentialView = view<ApplicationCredentialShown>()({
  id: (a) => a.id,
  name: (a) => a.name,
  description: (a) => a.description,
  user_id: (a) => a.userId,
  project_id: (a) => a.projectId,
  system: () => null,
  expires_at: (a) => zonelessTime(a.expiresAt),
  unrestricted: (a) => a.unrestricted,
  roles: (a) => a.roles,
  access_rules: (a) => (a.accessRuleIds ? a.accessRules.map(ruleWords) : undefined),
  secret: (a) => a.secret,
  links: (a, { origin }) => ({ self: `${origin}/v3/users/${a.userId}/application_credentials/${a.id}` }),
})

const ruleWords = (r: AccessRule) => ({ id: r.id, service: r.service, path: r.path, method: r.method })
export const accessRuleView = (r: AccessRule, { origin }: { origin: string }) => ({
  ...ruleWords(r),
  links: { self: `${origin}/v3/users/${r.userId}/access_rules/${r.id}` },
})

const readers = `${reader} or rule:owner`
export const applicationCredentialRules = {
  list: rule(
    'identity:list_application_credentials',
    readers,
    "List a user's application credentials",
    cloudWide,
  ),
  get: rule('identity:get_application_credential', readers, 'Show an application credential', cloudWide),
  create: rule(
    'identity:create_application_credential',
    'user_id:%(user_id)s',
    'Create an application credential for oneself',
    ['project'],
  ),
  delete: rule(
    'identity:delete_application_credential',
    'rule:admin_or_owner',
    'Delete an application credential',
    cloudWide,
  ),
}
const own = 'user_id:%(target.user.id)s'
const systemReader = '(role:reader and system_scope:all)'
export const accessRuleRules = {
  list: rule(
    'identity:list_access_rules',
    `${systemReader} or ${own}`,
    "List a user's access rules",
    cloudWide,
  ),
  get: rule('identity:get_access_rule', `${systemReader} or ${own}`, 'Show an access rule', cloudWide),
  delete: rule(
    'identity:delete_access_rule',
    `(role:admin and system_scope:all) or ${own}`,
    'Delete an access rule',
    cloudWide,
  ),
}
