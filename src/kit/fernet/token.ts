// Keystone's token inside Fernet: a MessagePack array that starts with the version of its payload.
// Layouts follow keystone/token/token_formatters.py, so that either side reads the other's tokens with the same keys.
import type { World } from '../world/world.ts'
import { type FernetKey, open, seal } from './fernet.ts'
import { type Packed, pack, type Unpacked, unpack } from './msgpack.ts'

export type TokenScope =
  | { kind: 'unscoped' }
  | { kind: 'domain'; domainId: string }
  | { kind: 'project'; projectId: string }
  | { kind: 'trust'; projectId: string; trustId: string }
  | { kind: 'system' }
  | { kind: 'applicationCredential'; projectId: string; applicationCredentialId: string }
  | { kind: 'oauth1'; projectId: string; accessTokenId: string }
  | { kind: 'oauth2'; projectId: string; domainId: string; thumbprint: string }

/** Where the user comes from, when that is not our own user table. Only for scopes unscoped, project and domain. */
export type Federation = { groupIds: readonly string[]; identityProviderId: string; protocolId: string }

export type TokenPayload = {
  userId: string
  /** The newest first is not kept: the payload holds a set. */
  methods: readonly AuthMethod[]
  scope: TokenScope
  federation?: Federation
  /** Milliseconds since the epoch. */
  expiresAt: number
  /** One or two, each 16 bytes in base64url; its own first, then the parent's. */
  auditIds: readonly string[]
}

export type AuthMethod = (typeof authMethods)[number]

/** Bit n of a payload's methods stands for entry n: keystone's default `[auth] methods`, then ours. */
export const authMethods = [
  'external',
  'password',
  'token',
  'oauth1',
  'mapped',
  'application_credential',
  'totp',
] as const

export function sealToken(
  key: FernetKey,
  payload: TokenPayload,
  world: Pick<World, 'clock' | 'random'>,
): string {
  return seal(key, pack(encodePayload(payload)), world.clock.now(), world.random.bytes(16))
}

/** Undefined where none of the keys made it or its payload is not one of keystone's. Expiry is for the caller to judge. */
export function openToken(
  keys: readonly FernetKey[],
  token: string,
): { payload: TokenPayload; issuedAt: number } | undefined {
  const opened = open(keys, token)
  const payload = opened && decodePayload(opened.plaintext)
  return payload && { payload, issuedAt: opened.sealedAt }
}

export function encodePayload(payload: TokenPayload): Packed[] {
  const { scope, federation } = payload
  const head = [packId(payload.userId), packMethods(payload.methods)]
  const expiry = { float: payload.expiresAt / 1000 }
  const tail = [expiry, payload.auditIds.map((id) => Buffer.from(id, 'base64url'))]
  if (federation) {
    const from = [
      federation.groupIds.map(packId),
      packId(federation.identityProviderId),
      federation.protocolId,
    ]
    if (scope.kind === 'unscoped') return [4, ...head, ...from, ...tail]
    if (scope.kind === 'project') return [5, ...head, packId(scope.projectId), ...from, ...tail]
    if (scope.kind === 'domain') return [6, ...head, packId(scope.domainId), ...from, ...tail]
    throw new TypeError(`A federated token cannot have the scope ${scope.kind}`)
  }
  switch (scope.kind) {
    case 'unscoped':
      return [0, ...head, ...tail]
    case 'domain':
      return [1, ...head, hexBytes(scope.domainId) ?? scope.domainId, ...tail]
    case 'project':
      return [2, ...head, packId(scope.projectId), ...tail]
    case 'trust':
      return [3, ...head, packId(scope.projectId), ...tail, hexBytes(scope.trustId) ?? scope.trustId]
    case 'oauth1':
      return [7, ...head, packId(scope.projectId), packId(scope.accessTokenId), ...tail]
    case 'system':
      return [8, ...head, 'all', ...tail]
    case 'applicationCredential':
      return [9, ...head, packId(scope.projectId), ...tail, packId(scope.applicationCredentialId)]
    case 'oauth2': {
      const thumbprint = [false, scope.thumbprint]
      return [10, ...head, packId(scope.projectId), packId(scope.domainId), ...tail, thumbprint]
    }
  }
}

export function decodePayload(bytes: Buffer): TokenPayload | undefined {
  try {
    const packed = unpack(bytes)
    if (!Array.isArray(packed)) return undefined
    const [version, userId, methods, ...rest] = packed
    const form = forms[Number(version)]
    return form?.({ userId: takeId(userId), methods: takeMethods(methods) }, rest)
  } catch (error) {
    // Signed with our key, yet of a shape that neither keystone nor we write: no token of this cloud.
    if (error instanceof RangeError || error instanceof TypeError) return undefined
    throw error
  }
}

type Head = Pick<TokenPayload, 'userId' | 'methods'>
type Rest = readonly (Unpacked | undefined)[]

/** By version; each says where the expiry stands, after which come the audit ids. */
const forms: ((head: Head, rest: Rest) => TokenPayload)[] = [
  (head, rest) => ({ ...head, ...takeTail(rest, 0), scope: { kind: 'unscoped' } }),
  (head, rest) => ({ ...head, ...takeTail(rest, 1), scope: { kind: 'domain', domainId: takeBare(rest[0]) } }),
  (head, rest) => ({ ...head, ...takeTail(rest, 1), scope: { kind: 'project', projectId: takeId(rest[0]) } }),
  (head, rest) => ({
    ...head,
    ...takeTail(rest, 1),
    scope: { kind: 'trust', projectId: takeId(rest[0]), trustId: takeBare(rest[3]) },
  }),
  (head, rest) => ({
    ...head,
    ...takeTail(rest, 3),
    scope: { kind: 'unscoped' },
    federation: takeFederation(rest, 0),
  }),
  (head, rest) => ({
    ...head,
    ...takeTail(rest, 4),
    scope: { kind: 'project', projectId: takeId(rest[0]) },
    federation: takeFederation(rest, 1),
  }),
  (head, rest) => ({
    ...head,
    ...takeTail(rest, 4),
    scope: { kind: 'domain', domainId: takeId(rest[0]) },
    federation: takeFederation(rest, 1),
  }),
  (head, rest) => ({
    ...head,
    ...takeTail(rest, 2),
    scope: { kind: 'oauth1', projectId: takeId(rest[0]), accessTokenId: takeId(rest[1]) },
  }),
  (head, rest) => {
    if (takeText(rest[0]) !== 'all') throw new TypeError('Not a system scope')
    return { ...head, ...takeTail(rest, 1), scope: { kind: 'system' } }
  },
  (head, rest) => ({
    ...head,
    ...takeTail(rest, 1),
    scope: {
      kind: 'applicationCredential',
      projectId: takeId(rest[0]),
      applicationCredentialId: takeId(rest[3]),
    },
  }),
  (head, rest) => ({
    ...head,
    ...takeTail(rest, 2),
    scope: {
      kind: 'oauth2',
      projectId: takeId(rest[0]),
      domainId: takeId(rest[1]),
      thumbprint: takeId(rest[4]),
    },
  }),
]

function takeTail(rest: Rest, at: number): Pick<TokenPayload, 'expiresAt' | 'auditIds'> {
  const [expiry, auditIds] = rest.slice(at)
  if (typeof expiry !== 'number' || !Array.isArray(auditIds))
    throw new TypeError('Not an expiry and audit ids')
  const ids = auditIds.map((id) => asBytes(id).toString('base64url'))
  return { expiresAt: Math.round(expiry * 1000), auditIds: ids }
}

function takeFederation(rest: Rest, at: number): Federation {
  const [groups, provider, protocol] = rest.slice(at)
  if (!Array.isArray(groups)) throw new TypeError('Not a list of groups')
  return {
    groupIds: groups.map(takeId),
    identityProviderId: takeId(provider),
    protocolId: takeText(protocol),
  }
}

/** Keystone shortens what is 32 hex characters to 16 bytes, and says by a flag whether it did. */
export function packId(id: string): Packed {
  const bytes = hexBytes(id)
  return bytes ? [true, bytes] : [false, id]
}

export function takeId(packed: Unpacked | undefined): string {
  if (!Array.isArray(packed)) throw new TypeError('Not an id')
  const [shortened, value] = packed
  return shortened ? asBytes(value).toString('hex') : takeText(value)
}

/** Domain and trust ids come without the flag; other domain ids than the default's text are bytes. */
function takeBare(value: Unpacked | undefined): string {
  return Buffer.isBuffer(value) ? value.toString('hex') : takeText(value)
}

function hexBytes(id: string): Buffer | undefined {
  return /^[0-9a-f]{32}$/.test(id) ? Buffer.from(id, 'hex') : undefined
}

function asBytes(value: Unpacked | undefined): Buffer {
  if (Buffer.isBuffer(value)) return value
  if (typeof value === 'string') return Buffer.from(value)
  throw new TypeError('Not bytes')
}

function takeText(value: Unpacked | undefined): string {
  return asBytes(value).toString('utf8')
}

export function packMethods(methods: readonly AuthMethod[]): number {
  return methods.reduce((bits, method) => bits | (1 << authMethods.indexOf(method)), 0)
}

export function takeMethods(bits: Unpacked | undefined): AuthMethod[] {
  if (typeof bits !== 'number' || bits >> authMethods.length !== 0) throw new TypeError('Unknown methods')
  return authMethods.filter((_, index) => bits & (1 << index))
}
