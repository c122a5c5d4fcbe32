// Fernet: signed and encrypted text with its time of making. https://github.com/fernet/spec/blob/master/Spec.md
// Layout: 0x80, time (8 bytes, seconds), IV (16), AES-128-CBC text, HMAC-SHA256 of all before it (32); base64url.
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto'
import { CloudError } from '../errors/cloud-error.ts'

/** Made once per key: importing key bytes costs more than using them. */
export type FernetKey = { readonly signing: KeyObject; readonly encryption: KeyObject }

export type Opened = {
  plaintext: Buffer
  /** When it was sealed: milliseconds since the epoch, whole seconds. */
  sealedAt: number
}

const version = 0x80
const headerBytes = 1 + 8 + 16
const macBytes = 32
const blockBytes = 16
/** Tokens travel in HTTP headers, which end at 16 KB everywhere. */
const maxTokenLength = 16_384

/** `text` is 32 bytes in base64url: 16 to sign with, then 16 to encrypt with. Throws kind 'badRequest'. */
export function fernetKey(text: string): FernetKey {
  const bytes = Buffer.from(text.trim(), 'base64url')
  if (bytes.length !== 32) throw new CloudError('badRequest', 'A Fernet key must be 32 bytes in base64url')
  return { signing: createSecretKey(bytes.subarray(0, 16)), encryption: createSecretKey(bytes.subarray(16)) }
}

/** Without base64 padding, as keystone sends it. `at` in milliseconds; `iv` is 16 random bytes, never used twice. */
export function seal(key: FernetKey, plaintext: Uint8Array, at: number, iv: Uint8Array): string {
  const cipher = createCipheriv('aes-128-cbc', key.encryption, iv)
  const encrypted = [cipher.update(plaintext), cipher.final()]
  const header = Buffer.allocUnsafe(9)
  header[0] = version
  header.writeBigUInt64BE(BigInt(Math.floor(at / 1000)), 1)
  const signed = Buffer.concat([header, iv, ...encrypted])
  return Buffer.concat([signed, sign(key, signed)]).toString('base64url')
}

/** Tries the keys in their order; undefined where none of them made it or it is malformed. Padding may be there. */
export function open(keys: readonly FernetKey[], token: string): Opened | undefined {
  if (token.length > maxTokenLength || !/^[\w-]+={0,2}$/.test(token)) return undefined
  const bytes = Buffer.from(token, 'base64url')
  const encryptedBytes = bytes.length - headerBytes - macBytes
  if (bytes[0] !== version || encryptedBytes < blockBytes || encryptedBytes % blockBytes !== 0)
    return undefined
  const signed = bytes.subarray(0, -macBytes)
  const mac = bytes.subarray(-macBytes)
  const key = keys.find((candidate) => timingSafeEqual(sign(candidate, signed), mac))
  if (!key) return undefined
  const decipher = createDecipheriv('aes-128-cbc', key.encryption, signed.subarray(9, headerBytes))
  try {
    const plaintext = Buffer.concat([decipher.update(signed.subarray(headerBytes)), decipher.final()])
    return { plaintext, sealedAt: Number(bytes.readBigUInt64BE(1)) * 1000 }
  } catch {
    // Signed by us and yet not padded: the spec counts it among the malformed ones.
    return undefined
  }
}

function sign(key: FernetKey, signed: Uint8Array): Buffer {
  return createHmac('sha256', key.signing).update(signed).digest()
}
