// Tokens: what a login asks, and how a token reads. No table holds them: all that matters is sealed in the token itself.
// https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management
import { Type } from 'typebox'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { AuthMethod, TokenPayload } from '#kit/fernet/token.ts'
import { body, explain, type Problem } from '#kit/http/body.ts'
import { rule } from '#kit/policy/policy.ts'
import { microseconds, zonelessTime } from './field.ts'
import { everywhere, reader } from './rule.ts'

const text = Type.Optional(Type.String())
const domain = Type.Object({ id: text, name: text })
const user = Type.Object({
  id: text,
  name: text,
  password: text,
  domain: Type.Optional(domain),
})
const credential = Type.Object({
  id: text,
  name: text,
  secret: text,
  user: Type.Optional(Type.Object({ id: text, name: text, domain: Type.Optional(domain) })),
})
const passcode = Type.Object({ id: text, name: text, passcode: text, domain: Type.Optional(domain) })
const identity = Type.Object({
  methods: Type.Array(Type.String()),
  password: Type.Optional(Type.Object({ user: Type.Optional(user) })),
  totp: Type.Optional(Type.Object({ user: Type.Optional(passcode) })),
  token: Type.Optional(Type.Object({ id: Type.String() })),
  application_credential: Type.Optional(credential),
})
const scope = Type.Object({
  project: Type.Optional(Type.Object({ id: text, name: text, domain: Type.Optional(domain) })),
  domain: Type.Optional(domain),
  system: Type.Optional(Type.Object({ all: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])) })),
  'OS-TRUST:trust': Type.Optional(Type.Object({ id: text })),
})

export const login = body(
  'auth',
  {
    identity: { schema: identity },
    scope: { schema: Type.Union([scope, Type.String()]), optional: true },
  },
  {
    extra: 'ignore',
    explain: (problem: Problem) =>
      problem.path.length === 0 && problem.missing
        ? new CloudError('badRequest', 'Expecting to find auth in request body.')
        : explain(problem),
  },
)
export type Login = ReturnType<typeof login.parse>
export type IdentityWish = Login['identity']
export type ScopeWish = Exclude<Login['scope'], string | undefined>

type Named = { id: string; name: string }
/** The parts of a standing that a token shows. */
export type TokenFacts = {
  readonly user: Named & { passwordExpiresAt?: number | null }
  readonly userDomain: Named
  readonly project?: Named
  readonly projectDomain?: Named
  readonly domain?: Named
  readonly system: boolean
  readonly roles: readonly Named[]
  readonly trust?: { id: string; impersonation: boolean; trustorUserId: string; trusteeUserId: string }
  readonly applicationCredential?: { id: string; name: string; unrestricted: boolean }
  readonly accessRules?: readonly unknown[]
}

/** `catalog` undefined leaves it out: tokens without a scope have none, and ?nocatalog asks for none. */
export function tokenView(
  facts: TokenFacts,
  payload: TokenPayload,
  issuedAt: number,
  catalog: readonly unknown[] | undefined,
): Record<string, unknown> {
  const { user, userDomain, project, projectDomain, domain, trust, applicationCredential } = facts
  const scoped = project !== undefined || domain !== undefined || facts.system
  return {
    methods: inOrder(payload.methods),
    user: {
      domain: named(userDomain),
      id: user.id,
      name: user.name,
      password_expires_at: zonelessTime(user.passwordExpiresAt ?? null),
    },
    audit_ids: payload.auditIds,
    expires_at: microseconds(payload.expiresAt),
    issued_at: microseconds(issuedAt),
    ...(project && {
      project: { domain: projectDomain && named(projectDomain), ...named(project) },
      is_domain: false,
    }),
    ...(domain && { domain: named(domain) }),
    ...(facts.system && { system: { all: true } }),
    ...(scoped && { roles: facts.roles.map(named) }),
    ...(trust && {
      'OS-TRUST:trust': {
        id: trust.id,
        trustor_user: { id: trust.trustorUserId },
        trustee_user: { id: trust.trusteeUserId },
        impersonation: trust.impersonation,
      },
    }),
    ...(applicationCredential && {
      application_credential: {
        id: applicationCredential.id,
        name: applicationCredential.name,
        restricted: !applicationCredential.unrestricted,
        ...(facts.accessRules && { access_rules: facts.accessRules }),
      },
    }),
    ...(catalog && { catalog }),
  }
}

/** What a login that needs another step is answered with. */
export function receiptView(issued: {
  receipt: { methods: readonly string[]; expiresAt: number }
  issuedAt: number
  user: Named
  domain: Named
  required: readonly (readonly string[])[]
}): Record<string, unknown> {
  const { receipt, user, domain } = issued
  return {
    receipt: {
      methods: receipt.methods,
      user: { domain: named(domain), id: user.id, name: user.name },
      expires_at: microseconds(receipt.expiresAt),
      issued_at: microseconds(issued.issuedAt),
    },
    required_auth_methods: issued.required,
  }
}

function named({ id, name }: Named): Named {
  return { id, name }
}

/** The token that it came from first, then how that one was got. */
function inOrder(methods: readonly AuthMethod[]): AuthMethod[] {
  return [...methods].sort((a, b) => Number(b === 'token') - Number(a === 'token'))
}

export const tokenRules = {
  validate: rule(
    'identity:validate_token',
    `${reader} or rule:service_role or rule:token_subject`,
    'Show what a token means',
    everywhere,
  ),
  check: rule(
    'identity:check_token',
    `${reader} or rule:token_subject`,
    'See whether a token is valid',
    everywhere,
  ),
  revoke: rule(
    'identity:revoke_token',
    'rule:admin_required or rule:token_subject',
    'Void a token',
    everywhere,
  ),
  catalog: rule('identity:get_auth_catalog', '', 'Show the catalog of the token in use'),
  projects: rule('identity:get_auth_projects', '', 'List the projects one may choose'),
  domains: rule('identity:get_auth_domains', '', 'List the domains one may choose'),
  system: rule('identity:get_auth_system', '', 'See whether one may choose the system'),
}
