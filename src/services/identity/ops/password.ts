// Hashing and checking at one cost, chosen in one place.
import {
  hashPassword,
  needsRehash,
  randomSecretCost,
  type ScryptCost,
  standardCost,
  verifyPassword,
} from '#kit/password/password.ts'
import type { World } from '#kit/world/world.ts'

export type Passwords = {
  hash(password: string): Promise<string>
  /** Only for what was made of 128 random bits or more: one try costs next to nothing. */
  hashRandom(secret: string): Promise<string>
  /** Without a hash it takes as long and is false. */
  verify(hash: string | null | undefined, password: string): Promise<boolean>
  /** Made by another program or at another cost: the next login should store a new one. */
  isOutdated(hash: string): boolean
}

export function openPasswords(
  world: Pick<World, 'random' | 'threads'>,
  cost: ScryptCost = standardCost,
): Passwords {
  return {
    hash: (password) => hashPassword(world, password, cost),
    hashRandom: (secret) => hashPassword(world, secret, randomSecretCost),
    verify: (hash, password) => verifyPassword(world, hash ?? undefined, password, cost),
    // What was made of random bits is as safe as it will ever be.
    isOutdated: (hash) => needsRehash(hash, cost) && needsRehash(hash, randomSecretCost),
  }
}
