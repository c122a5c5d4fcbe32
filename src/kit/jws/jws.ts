// Compact JWS with ES256, RFC 7515 and RFC 7518 section 3.4: three parts in base64url, the last signs the first two.
import { createECDH, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { CloudError } from '../errors/cloud-error.ts'
import type { KeyKind } from '../fernet/key-repository.ts'

export type JwsKey = { readonly signing: KeyObject; readonly verifying: KeyObject }

/** The only header that is made or taken: an attacker has no say in how a signature is checked. */
const header = Buffer.from('{"alg":"ES256","typ":"JWT"}').toString('base64url')
const curve = 'prime256v1'
/** Tokens travel in HTTP headers, which end at 16 KB everywhere. */
const maxLength = 16_384

/** Private keys as PKCS #8 in PEM. */
export const jwsKeys: KeyKind<JwsKey> = {
  make({ random }) {
    const pair = createECDH(curve)
    const d = random.bytes(32)
    // All but one in 2^32 draws lie within the curve's order.
    pair.setPrivateKey(d)
    const point = pair.getPublicKey()
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      d: d.toString('base64url'),
      x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    }
    return createPrivateKey({ key: jwk, format: 'jwk' }).export({ format: 'pem', type: 'pkcs8' }).toString()
  },
  read(text) {
    const signing = createPrivateKey(text)
    if (signing.asymmetricKeyDetails?.namedCurve !== curve)
      throw new CloudError('badRequest', 'A key for ES256 must be one of the curve P-256')
    return { signing, verifying: createPublicKey(signing) }
  },
}

export function signJws(key: JwsKey, claims: Record<string, unknown>): string {
  const signed = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
  const signature = sign('sha256', Buffer.from(signed), { key: key.signing, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

/** Tries the keys in their order; undefined where none of them signed it or it is malformed. */
export function openJws(keys: readonly JwsKey[], token: string): Record<string, unknown> | undefined {
  const parts = token.length > maxLength ? [] : token.split('.')
  const [head, body, mark] = parts
  if (parts.length !== 3 || !body || !mark || !isOurHeader(head!)) return undefined
  const signature = Buffer.from(mark, 'base64url')
  const signed = Buffer.from(`${head}.${body}`)
  const fits = ({ verifying }: JwsKey) =>
    verify('sha256', signed, { key: verifying, dsaEncoding: 'ieee-p1363' }, signature)
  // Another spelling of the same bytes would be another token to whoever remembers tokens.
  if (signature.toString('base64url') !== mark || !keys.some(fits)) return undefined
  const claims = readJson(body)
  return typeof claims === 'object' && claims !== null ? (claims as Record<string, unknown>) : undefined
}

/** Others order the members of the header otherwise, with the same meaning. */
function isOurHeader(text: string): boolean {
  if (text === header) return true
  const said = readJson(text) as { alg?: unknown; typ?: unknown; crit?: unknown } | null | undefined
  return said?.alg === 'ES256' && said.crit === undefined && (said.typ === undefined || said.typ === 'JWT')
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    // What isn't JSON is no part of a token.
    return undefined
  }
}
