// An ed25519 key pair in the files that ssh reads. Format: PROTOCOL.key of OpenSSH, RFC 8709 for the key itself.
import { createPrivateKey, createPublicKey } from 'node:crypto'

export type KeyPair = { privateKey: string; publicKey: string }

/** PKCS#8 of RFC 8410 up to the 32 bytes of the seed. */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex')
const type = 'ssh-ed25519'

/** `seed` is 32 random bytes, `check` four: the file repeats them so that a wrong passphrase shows. */
export function ed25519KeyPair(seed: Buffer, check: Buffer, comment: string): KeyPair {
  const secret = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' })
  const point = spki.subarray(spki.length - 32)
  const publicBlob = Buffer.concat([text(type), text(point)])
  const body = Buffer.concat([
    check,
    check,
    text(type),
    text(point),
    text(Buffer.concat([seed, point])),
    text(comment),
  ])
  // Padded to the block size of "no cipher", which is eight, by 1, 2, 3 ...
  const padding = Buffer.from(Array.from({ length: (8 - (body.length % 8)) % 8 }, (_, index) => index + 1))
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    text('none'),
    text('none'),
    text(''),
    number(1),
    text(publicBlob),
    text(Buffer.concat([body, padding])),
  ])
  const lines = file
    .toString('base64')
    .match(/.{1,70}/g)!
    .join('\n')
  return {
    privateKey: `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`,
    publicKey: `${type} ${publicBlob.toString('base64')} ${comment}\n`,
  }
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([number(bytes.length), bytes])
}
