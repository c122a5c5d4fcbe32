// Keystone's token as the claims of a JWS, after keystone/token/providers/jws: whole seconds, ids as they are.
import type { AuthMethod, TokenPayload, TokenScope } from '../fernet/token.ts'
import { authMethods } from '../fernet/token.ts'
import { type JwsKey, openJws, signJws } from './jws.ts'

/** `issuedAt` in milliseconds. */
export function signToken(key: JwsKey, payload: TokenPayload, issuedAt: number): string {
  return signJws(key, {
    sub: payload.userId,
    iat: Math.floor(issuedAt / 1000),
    exp: Math.floor(payload.expiresAt / 1000),
    openstack_methods: payload.methods,
    openstack_audit_ids: payload.auditIds,
    ...claimsOf(payload.scope),
  })
}

/** Undefined where none of the keys signed it or it says nothing that keystone's tokens say. Expiry is for the caller to judge. */
export function openSignedToken(
  keys: readonly JwsKey[],
  token: string,
): { payload: TokenPayload; issuedAt: number } | undefined {
  const claims = openJws(keys, token)
  if (!claims) return undefined
  const { sub, iat, exp, openstack_methods: methods, openstack_audit_ids: auditIds } = claims
  const scope = scopeOf(claims)
  if (typeof sub !== 'string' || !isTime(iat) || !isTime(exp)) return undefined
  if (!isTexts(methods) || !methods.every(isMethod) || !isTexts(auditIds) || !scope) return undefined
  return {
    payload: { userId: sub, methods: methods as AuthMethod[], scope, expiresAt: exp * 1000, auditIds },
    issuedAt: iat * 1000,
  }
}

function claimsOf(scope: TokenScope): Record<string, string> {
  switch (scope.kind) {
    case 'unscoped':
      return {}
    case 'domain':
      return { openstack_domain_id: scope.domainId }
    case 'project':
      return { openstack_project_id: scope.projectId }
    case 'trust':
      return { openstack_project_id: scope.projectId, openstack_trust_id: scope.trustId }
    case 'system':
      return { openstack_system: 'all' }
    case 'applicationCredential':
      return {
        openstack_project_id: scope.projectId,
        openstack_app_cred_id: scope.applicationCredentialId,
      }
    default:
      throw new TypeError(`Tokens of scope ${scope.kind} are not signed`)
  }
}

/** Undefined where the claims contradict each other or name a scope that is not made here. */
function scopeOf(claims: Record<string, unknown>): TokenScope | undefined {
  const text = (name: string) => {
    const value = claims[`openstack_${name}`]
    return typeof value === 'string' ? value : undefined
  }
  const foreign = ['group_ids', 'idp_id', 'protocol_id', 'access_token_id', 'thumbprint']
  if (foreign.some((name) => claims[`openstack_${name}`] !== undefined)) return undefined
  const [projectId, domainId, system] = [text('project_id'), text('domain_id'), text('system')]
  if ([projectId, domainId, system].filter((each) => each !== undefined).length > 1) return undefined
  const [trustId, applicationCredentialId] = [text('trust_id'), text('app_cred_id')]
  if (projectId !== undefined) {
    if (trustId !== undefined && applicationCredentialId !== undefined) return undefined
    if (trustId !== undefined) return { kind: 'trust', projectId, trustId }
    if (applicationCredentialId !== undefined)
      return { kind: 'applicationCredential', projectId, applicationCredentialId }
    return { kind: 'project', projectId }
  }
  if (trustId !== undefined || applicationCredentialId !== undefined) return undefined
  if (domainId !== undefined) return { kind: 'domain', domainId }
  if (system !== undefined) return system === 'all' ? { kind: 'system' } : undefined
  return { kind: 'unscoped' }
}

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value)
const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string')
const isMethod = (value: string) => (authMethods as readonly string[]).includes(value)
