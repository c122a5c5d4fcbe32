// Signed tokens: what keystone's claims are, and that nothing but our own keys' ES256 is taken.
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { TokenPayload, TokenScope } from '../fernet/token.ts'
import { virtualWorld } from '../world/virtual.ts'
import { jwsKeys, openJws, signJws } from './jws.ts'
import { openSignedToken, signToken } from './token.ts'

const world = virtualWorld()
const key = jwsKeys.read(jwsKeys.make(world))
const other = jwsKeys.read(jwsKeys.make(world))
const payload = (scope: TokenScope): TokenPayload => ({
  userId: '5d2e9f0fd0d24c7b8f2a1c0e7c3b1a42',
  methods: ['password', 'totp'],
  scope,
  expiresAt: 1_767_229_200_000,
  auditIds: ['ODU2ZmNkYjE2MzcyNGY3'],
})
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('a signed token', () => {
  const scopes: TokenScope[] = [
    { kind: 'unscoped' },
    { kind: 'system' },
    { kind: 'domain', domainId: 'default' },
    { kind: 'project', projectId: 'p' },
    { kind: 'trust', projectId: 'p', trustId: 't' },
    { kind: 'applicationCredential', projectId: 'p', applicationCredentialId: 'a' },
  ]
  it.each(scopes)('comes back as it was: $kind', (scope) => {
    const token = signToken(key, payload(scope), 1_767_225_600_999)
    expect(openSignedToken([other, key], token)).toEqual({
      payload: payload(scope),
      issuedAt: 1_767_225_600_000,
    })
    expect(openSignedToken([other], token)).toBeUndefined()
  })

  it("has keystone's claims", () => {
    const token = signToken(key, payload({ kind: 'project', projectId: 'p' }), 1_767_225_600_000)
    const [head, body] = token.split('.').map((each) => Buffer.from(each, 'base64url').toString())
    expect(JSON.parse(head!)).toEqual({ alg: 'ES256', typ: 'JWT' })
    expect(JSON.parse(body!)).toEqual({
      sub: '5d2e9f0fd0d24c7b8f2a1c0e7c3b1a42',
      iat: 1767225600,
      exp: 1767229200,
      openstack_methods: ['password', 'totp'],
      openstack_audit_ids: ['ODU2ZmNkYjE2MzcyNGY3'],
      openstack_project_id: 'p',
    })
  })

  it('is none where its claims make no sense', () => {
    const good = { sub: 'u', iat: 1, exp: 2, openstack_methods: ['password'], openstack_audit_ids: ['a'] }
    expect(openSignedToken([key], signJws(key, good))).toBeDefined()
    const wrong = [
      { sub: 1 },
      { iat: '1' },
      { exp: 1.5 },
      { exp: undefined },
      { openstack_methods: ['guess'] },
      { openstack_methods: 'password' },
      { openstack_audit_ids: undefined },
      { openstack_system: 'some' },
      { openstack_trust_id: 't' },
      { openstack_project_id: 'p', openstack_domain_id: 'd' },
      { openstack_project_id: 'p', openstack_trust_id: 't', openstack_app_cred_id: 'a' },
      { openstack_idp_id: 'i' },
    ]
    for (const change of wrong)
      expect(openSignedToken([key], signJws(key, { ...good, ...change }))).toBeUndefined()
  })
})

describe('what is not ours', () => {
  const token = signJws(key, { sub: 'u' })
  const [head, body, mark] = token.split('.') as [string, string, string]

  it('is refused, whatever its header says', () => {
    const secret = key.verifying.export({ format: 'pem', type: 'spki' })
    const forged = (alg: string, header: object = {}) => {
      const signed = `${part({ alg, typ: 'JWT', ...header })}.${body}`
      return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
    }
    const stranger = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
    const strange = sign('sha256', Buffer.from(`${head}.${body}`), {
      key: stranger,
      dsaEncoding: 'ieee-p1363',
    })
    const wrong = [
      forged('HS256'),
      forged('ES256'),
      `${part({ alg: 'none' })}.${body}.`,
      `${part({ alg: 'none' })}.${body}.${mark}`,
      `${head}.${part({ sub: 'root' })}.${mark}`,
      `${head}.${body}.${strange.toString('base64url')}`,
      `${head}.${body}`,
      `${token}.x`,
      `${token}=`,
      `.${body}.${mark}`,
      '..',
      '',
      `${head}.${body}.${'A'.repeat(20_000)}`,
    ]
    for (const each of wrong) expect(openJws([key], each)).toBeUndefined()
    expect(openJws([key], token)).toEqual({ sub: 'u' })
  })

  it('may have the members of its header in another order', () => {
    const signed = `${part({ typ: 'JWT', alg: 'ES256' })}.${body}`
    const signature = sign('sha256', Buffer.from(signed), { key: key.signing, dsaEncoding: 'ieee-p1363' })
    expect(openJws([key], `${signed}.${signature.toString('base64url')}`)).toEqual({ sub: 'u' })
  })
})

it('refuses a key of another curve', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp384r1' })
  const text = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  expect(() => jwsKeys.read(text)).toThrow('P-256')
})
