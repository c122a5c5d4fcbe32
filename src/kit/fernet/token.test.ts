// Token payloads byte for byte as keystone lays them out, and back.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { virtualWorld } from '../world/virtual.ts'
import { fernetKey } from './fernet.ts'
import { pack, unpack } from './msgpack.ts'
import {
  type AuthMethod,
  authMethods,
  decodePayload,
  encodePayload,
  openToken,
  sealToken,
  type TokenPayload,
} from './token.ts'

const user = '0123456789abcdef0123456789abcdef'
const project = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
const audit = Buffer.alloc(16, 0x5a).toString('base64url')
const expiresAt = 1_700_000_000_000

/** Any of Unicode's; fast-check's own strings of them begin with a table of all. */
const point = fc.oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
const hexId = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('hex'))
const anyId = fc.oneof(hexId, fc.string({ minLength: 1, maxLength: 64, unit: 'grapheme' }))
const scope = fc.oneof(
  fc.record({ kind: fc.constant('unscoped' as const) }),
  fc.record({ kind: fc.constant('system' as const) }),
  fc.record({ kind: fc.constant('domain' as const), domainId: fc.oneof(hexId, fc.constant('default')) }),
  fc.record({ kind: fc.constant('project' as const), projectId: anyId }),
  fc.record({ kind: fc.constant('trust' as const), projectId: anyId, trustId: hexId }),
  fc.record({
    kind: fc.constant('applicationCredential' as const),
    projectId: anyId,
    applicationCredentialId: hexId,
  }),
  fc.record({ kind: fc.constant('oauth1' as const), projectId: anyId, accessTokenId: hexId }),
  fc.record({
    kind: fc.constant('oauth2' as const),
    projectId: anyId,
    domainId: anyId,
    thumbprint: fc.string({ maxLength: 43 }),
  }),
)
const federation = fc.record({
  groupIds: fc.array(anyId, { maxLength: 20 }),
  identityProviderId: anyId,
  protocolId: fc.string({ maxLength: 40 }),
})
const payload: fc.Arbitrary<TokenPayload> = fc
  .record({
    userId: anyId,
    methods: fc.subarray([...authMethods], { minLength: 1 }) as fc.Arbitrary<AuthMethod[]>,
    scope,
    expiresAt: fc.nat({ max: 4_000_000_000 }).map((seconds) => seconds * 1000),
    auditIds: fc.array(
      hexId.map((id) => Buffer.from(id, 'hex').toString('base64url')),
      {
        minLength: 1,
        maxLength: 2,
      },
    ),
    federation: fc.option(federation, { nil: undefined }),
  })
  .map(({ federation: from, ...rest }) =>
    from && ['unscoped', 'project', 'domain'].includes(rest.scope.kind)
      ? { ...rest, federation: from }
      : rest,
  )

describe('token payload', () => {
  it('is laid out as keystone lays out a project token', () => {
    const bytes = pack(
      encodePayload({
        userId: user,
        methods: ['password', 'token'],
        scope: { kind: 'project', projectId: project },
        expiresAt,
        auditIds: [audit],
      }),
    )
    // array of 6: 2, [true, bin user], 6, [true, bin project], float64 of seconds, [bin audit]
    expect(bytes.toString('hex')).toBe(
      `960292c3c410${user}0692c3c410${project}cb41d954fc4000000091c410${'5a'.repeat(16)}`,
    )
  })

  it('keeps names that are no hex ids as text, and the default domain bare', () => {
    const bytes = pack(
      encodePayload({
        userId: 'ldap-user',
        methods: ['password'],
        scope: { kind: 'domain', domainId: 'default' },
        expiresAt,
        auditIds: [audit],
      }),
    )
    const name = Buffer.from('ldap-user').toString('hex')
    const domain = Buffer.from('default').toString('hex')
    expect(bytes.toString('hex')).toBe(
      `960192c2a9${name}02a7${domain}cb41d954fc4000000091c410${'5a'.repeat(16)}`,
    )
  })

  it('reads the older MessagePack form, in which bytes stand as text', () => {
    const raw = 'ff23456789abcdef0123456789abcdef'
    const bytes = Buffer.from(`950092c3b0${raw}02cb41d954fc4000000091b0${'5a'.repeat(16)}`, 'hex')
    expect(decodePayload(bytes)).toEqual({
      userId: raw,
      methods: ['password'],
      scope: { kind: 'unscoped' },
      expiresAt,
      auditIds: [audit],
    })
  })

  it('comes back as it was, for every kind of scope', () => {
    const world = virtualWorld({ now: 1_700_000_000_000 })
    const key = fernetKey(Buffer.alloc(32, 3).toString('base64url'))
    fc.assert(
      fc.property(payload, (given) => {
        const token = sealToken(key, given, world)
        const opened = openToken([key], token)
        expect(opened?.issuedAt).toBe(1_700_000_000_000)
        expect(opened?.payload).toEqual(given)
      }),
      { numRuns: 500 },
    )
  })

  it('of a usual project token stays within the lengths that clients know', () => {
    const key = fernetKey(Buffer.alloc(32, 3).toString('base64url'))
    const token = sealToken(
      key,
      {
        userId: user,
        methods: ['password'],
        scope: { kind: 'project', projectId: project },
        expiresAt,
        auditIds: [audit],
      },
      virtualWorld(),
    )
    expect(token).toMatch(/^gAAAAA[\w-]+$/)
    expect(token.length).toBeGreaterThanOrEqual(180)
    expect(token.length).toBeLessThanOrEqual(250)
  })

  it('is nobody in the face of any other bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const decoded = decodePayload(Buffer.from(bytes))
        if (decoded) expect(decodePayload(pack(encodePayload(decoded)))).toEqual(decoded)
      }),
      { numRuns: 2000 },
    )
    expect(decodePayload(pack([99, [false, 'u'], 2, { float: 1 }, []]))).toBeUndefined()
    expect(decodePayload(pack([0, [false, 'u'], 1 << 20, { float: 1 }, []]))).toBeUndefined()
    expect(decodePayload(pack([8, [false, 'u'], 2, 'some', { float: 1 }, []]))).toBeUndefined()
    expect(decodePayload(pack('text'))).toBeUndefined()
  })
})

describe('msgpack', () => {
  it('reads what it wrote', () => {
    const { packed } = fc.letrec((tie) => ({
      packed: fc.oneof(
        { depthSize: 'small', maxDepth: 5 },
        fc.constant(null),
        fc.boolean(),
        fc.integer({ min: -0x80000000, max: 0xffffffff }),
        fc.array(point, { maxLength: 400 }).map((points) => String.fromCodePoint(...points)),
        fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
        fc.array(tie('packed'), { maxLength: 40 }),
      ),
    }))
    fc.assert(
      fc.property(packed, (value) => {
        expect(unpack(pack(value as never))).toEqual(value)
      }),
    )
  })

  it('refuses nesting without end, lengths beyond the end and leftovers', () => {
    expect(() => unpack(Buffer.alloc(100, 0x91))).toThrow(RangeError)
    expect(() => unpack(Buffer.from('c4ff00', 'hex'))).toThrow(RangeError)
    expect(() => unpack(Buffer.from('0101', 'hex'))).toThrow(RangeError)
    expect(() => unpack(Buffer.from('c1', 'hex'))).toThrow(RangeError)
  })
})
