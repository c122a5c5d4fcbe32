// Passwords as RabbitMQ keeps them: base64 of a 4-octet salt and the digest of salt and password.
// So definitions move between brokers with their users. https://www.rabbitmq.com/docs/passwords
import { createHash, timingSafeEqual } from 'node:crypto'

const digests = {
  rabbit_password_hashing_sha256: 'sha256',
  rabbit_password_hashing_sha512: 'sha512',
  rabbit_password_hashing_md5: 'md5',
} as const

export type HashingAlgorithm = keyof typeof digests
export const usualAlgorithm: HashingAlgorithm = 'rabbit_password_hashing_sha256'
export const saltOctets = 4

/** Octets are empty for a user who can't log in with a password. */
export type PasswordHash = { readonly algorithm: HashingAlgorithm; readonly octets: Buffer }

export const noPassword: PasswordHash = { algorithm: usualAlgorithm, octets: Buffer.alloc(0) }

export function isHashingAlgorithm(name: unknown): name is HashingAlgorithm {
  return typeof name === 'string' && Object.hasOwn(digests, name)
}

export function hashPassword(
  password: string,
  salt: Buffer,
  algorithm: HashingAlgorithm = usualAlgorithm,
): PasswordHash {
  const digest = createHash(digests[algorithm]).update(salt).update(password).digest()
  return { algorithm, octets: Buffer.concat([salt, digest]) }
}

export function isPassword(given: string, { algorithm, octets }: PasswordHash): boolean {
  if (octets.length <= saltOctets) return false
  const { octets: tried } = hashPassword(given, octets.subarray(0, saltOctets), algorithm)
  return tried.length === octets.length && timingSafeEqual(tried, octets)
}

/** Undefined where the text is no base64. */
export function octetsOf(passwordHash: string): Buffer | undefined {
  const octets = Buffer.from(passwordHash, 'base64')
  return octets.toString('base64').replace(/=+$/, '') === passwordHash.replace(/=+$/, '') ? octets : undefined
}
