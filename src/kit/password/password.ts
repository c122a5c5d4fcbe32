// Passwords as scrypt hashes in passlib's format, so that keystone's rows and ours are the same. Hashing runs on
// the thread pool; one hash costs about 0.2 s of CPU and 64 MiB, as much work as bcrypt at 12 rounds. Hashes of other
// formats are checked too (foreign.ts), so that people can log in who came from another cloud.
import { scrypt, scryptSync, timingSafeEqual } from 'node:crypto'
import { CloudError } from '../errors/cloud-error.ts'
import type { World } from '../world/world.ts'
import { foreignHash } from './foreign.ts'
import { openTurnstile } from './turnstile.ts'

export type ScryptCost = {
  /** Logarithm to base 2 of the number of blocks. */
  readonly rounds: number
  readonly blockSize: number
  readonly parallelism: number
}

/** keystone's `scrypt_*` defaults: `[identity] scrypt_block_size = 8, scrypt_parallelism = 1`, 2^16 rounds. */
export const standardCost: ScryptCost = { rounds: 16, blockSize: 8, parallelism: 1 }

/** For what was made of 128 random bits or more: no search finds it, however little one try costs. */
export const randomSecretCost: ScryptCost = { rounds: 6, blockSize: 8, parallelism: 1 }

/** For tests alone, and only where it is asked for: one hash costs a fraction of a millisecond. */
export const testCost: ScryptCost = { rounds: 4, blockSize: 8, parallelism: 1 }

/** keystone's `[identity] max_password_length`. */
const maxPasswordBytes = 4096
const saltBytes = 16
const hashBytes = 32

/** Node's pool has four threads, which files and DNS need as well; more callers than may wait get an answer at once. */
const turnstile = openTurnstile({ atOnce: 2, waiting: 200 })

/** Throws kind 'badRequest' for a password that is too long or no text, 'unavailable' when too many wait. */
export async function hashPassword(
  world: Pick<World, 'random' | 'threads'>,
  password: string,
  cost: ScryptCost = standardCost,
): Promise<string> {
  const problem = passwordProblem(password)
  if (problem) throw new CloudError('badRequest', problem)
  const salt = world.random.bytes(saltBytes)
  const hash = await derive(world, password, salt, cost, hashBytes)
  const parameters = `ln=${cost.rounds},r=${cost.blockSize},p=${cost.parallelism}`
  return `$scrypt$${parameters}$${encode(salt)}$${encode(hash)}`
}

/**
 * With no hash (no such user, or one without a password) it costs as much as with one and is false, so that the
 * time of an answer does not tell who exists. `cost` is what that dummy costs.
 */
export async function verifyPassword(
  world: Pick<World, 'threads'>,
  hash: string | undefined,
  password: string,
  cost: ScryptCost = standardCost,
): Promise<boolean> {
  const known = hash === undefined ? undefined : parseHash(hash)
  const fits = passwordProblem(password) === undefined
  if (hash !== undefined && !known) {
    const check = foreignHash(hash)
    if (check) return (await queued(world, () => check(world, fits ? password : ''))) && fits
    throw new CloudError('internal', 'A stored password cannot be read', {
      detail: 'neither in the form $scrypt$ln=..,r=..,p=..$salt$hash nor one of bcrypt or pbkdf2-sha512',
    })
  }
  const { salt, expected, cost: actual } = known ?? nobody(cost)
  const derived = await derive(world, fits ? password : '', salt, actual, expected.length)
  return timingSafeEqual(derived, expected) && fits && known !== undefined
}

/** Undefined where the password may be used. Text that is not well-formed would hash like other such text. */
export function passwordProblem(password: string): string | undefined {
  if (!password.isWellFormed()) return 'The password is not well-formed Unicode'
  if (Buffer.byteLength(password) > maxPasswordBytes)
    return `The password is longer than ${maxPasswordBytes} bytes`
  return undefined
}

/** True where a stored hash was made at another cost, so that the next login should store a new one. */
export function needsRehash(hash: string, cost: ScryptCost = standardCost): boolean {
  const known = parseHash(hash)?.cost
  return (
    known?.rounds !== cost.rounds ||
    known.blockSize !== cost.blockSize ||
    known.parallelism !== cost.parallelism
  )
}

type StoredHash = { salt: Buffer; expected: Buffer; cost: ScryptCost }

function parseHash(hash: string): StoredHash | undefined {
  const match =
    /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]*)\$([A-Za-z0-9+/]{22,})$/.exec(hash)
  if (!match) return undefined
  const [rounds, blockSize, parallelism] = match.slice(1, 4).map(Number) as [number, number, number]
  const salt = Buffer.from(match[4]!, 'base64')
  return { salt, expected: Buffer.from(match[5]!, 'base64'), cost: { rounds, blockSize, parallelism } }
}

/** What an unknown user's password is hashed against; the answer is false whatever comes out. */
function nobody(cost: ScryptCost): StoredHash {
  return { salt: Buffer.alloc(saltBytes), expected: Buffer.alloc(hashBytes), cost }
}

async function derive(
  world: Pick<World, 'threads'>,
  password: string,
  salt: Buffer,
  cost: ScryptCost,
  length: number,
): Promise<Buffer> {
  const blocks = 2 ** cost.rounds
  const options = {
    N: blocks,
    r: cost.blockSize,
    p: cost.parallelism,
    // Node refuses by default what needs more than 32 MiB; twice the need leaves room for its own count.
    maxmem: 256 * blocks * cost.blockSize + 2 ** 20,
  }
  if (!world.threads) return scryptSync(Buffer.from(password), salt, length, options)
  return queued(
    world,
    () =>
      new Promise((resolve, reject) => {
        scrypt(Buffer.from(password), salt, length, options, (error, derived) => {
          if (error) reject(error)
          else resolve(derived)
        })
      }),
  )
}

function queued<T>({ threads }: Pick<World, 'threads'>, work: () => Promise<T>): Promise<T> {
  return threads ? turnstile.pass(work) : work()
}

/** Base64 without padding, passlib's b64s. */
function encode(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}
