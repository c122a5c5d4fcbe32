// Public keys in OpenSSH's one-line form, and new RSA key pairs. RFC 4253, section 6.6; RFC 4251, section 5.
import {
  createHash,
  generateKeyPair,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from 'node:crypto'
import { promisify } from 'node:util'
import { CloudError } from '../errors/cloud-error.ts'
import type { World } from '../world/world.ts'

export type PublicKey = {
  /** 'ssh-rsa', 'ssh-ed25519', ... */
  algorithm: string
  /** MD5 of the key's blob, in pairs with colons. */
  fingerprint: string
}

/** Throws 'badRequest' where it is no OpenSSH public key. */
export function readPublicKey(text: string): PublicKey {
  const [algorithm, encoded] = text.trim().split(/\s+/)
  const blob = Buffer.from(encoded ?? '', 'base64')
  const named = blob.length > 4 ? blob.subarray(4, 4 + blob.readUInt32BE(0)).toString('latin1') : undefined
  if (
    !algorithm ||
    named !== algorithm ||
    blob.toString('base64').replace(/=+$/, '') !== encoded?.replace(/=+$/, '')
  )
    throw new CloudError('badRequest', 'Keypair data is invalid: failed to generate fingerprint')
  return { algorithm, fingerprint: inPairs(createHash('md5').update(blob).digest('hex')) }
}

/** The SHA-1 fingerprint of a PEM certificate, as keypairs of type x509 show it. */
export function certificateFingerprint(pem: string): string {
  try {
    return new X509Certificate(pem).fingerprint.toLowerCase()
  } catch (error) {
    throw new CloudError('badRequest', 'Keypair data is invalid: failed to generate X509 fingerprint', {
      cause: error,
    })
  }
}

const makeKeyPair = promisify(generateKeyPair)

/** RSA of 2048 bits, made off the event loop where it may be: the private key as PEM, the public one in OpenSSH's form. */
export async function newRsaKey(
  world: Pick<World, 'threads'>,
  comment: string,
): Promise<{ privateKey: string; publicKey: string }> {
  const size = { modulusLength: 2048 }
  const { privateKey, publicKey } = world.threads
    ? await makeKeyPair('rsa', size)
    : generateKeyPairSync('rsa', size)
  return {
    privateKey: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    publicKey: `ssh-rsa ${rsaBlob(publicKey).toString('base64')} ${comment}`,
  }
}

function rsaBlob(key: KeyObject): Buffer {
  const { n, e } = key.export({ format: 'jwk' })
  const number = (encoded: string) => {
    const bytes = Buffer.from(encoded, 'base64url')
    // A number whose highest bit is set would read as negative.
    return bytes[0]! & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes
  }
  return Buffer.concat(
    [Buffer.from('ssh-rsa'), number(e!), number(n!)].flatMap((part) => [lengthOf(part), part]),
  )
}

function lengthOf(part: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(part.length)
  return length
}

function inPairs(hex: string): string {
  return hex.match(/../g)!.join(':')
}
