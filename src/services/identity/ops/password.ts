// Hashing and checking at one cost, chosen in one place.
import { hashPassword, type ScryptCost, standardCost, verifyPassword } from '#kit/password/password.ts'
import type { World } from '#kit/world/world.ts'

export type Passwords = {
  hash(password: string): Promise<string>
  /** Without a hash it takes as long and is false. */
  verify(hash: string | null | undefined, password: string): Promise<boolean>
}

export function openPasswords(
  world: Pick<World, 'random' | 'threads'>,
  cost: ScryptCost = standardCost,
): Passwords {
  return {
    hash: (password) => hashPassword(world, password, cost),
    verify: (hash, password) => verifyPassword(world, hash ?? undefined, password, cost),
  }
}
