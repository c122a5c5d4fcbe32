// Keystone's receipt inside Fernet: who has proven part of what a login needs, and until when that counts.
// Layout: keystone/receipt/receipt_formatters.py: version 0, user, methods, expiry. A token of version 0 is one longer.
import { createHash } from 'node:crypto'
import type { World } from '../world/world.ts'
import { type FernetKey, open, seal } from './fernet.ts'
import { pack, unpack } from './msgpack.ts'
import { type AuthMethod, packId, packMethods, takeId, takeMethods } from './token.ts'

export type Receipt = {
  userId: string
  methods: readonly AuthMethod[]
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** `at` in milliseconds is when it says that it was made. */
export function sealReceipt(
  key: FernetKey,
  { userId, methods, expiresAt }: Receipt,
  at: number,
  { random }: Pick<World, 'random'>,
): string {
  const packed = pack([0, packId(userId), packMethods(methods), { float: expiresAt / 1000 }])
  return seal(key, packed, at, random.bytes(16))
}

/** Undefined where none of the keys made it or it is none. `id` is the same however the receipt is spelt. */
export function openReceipt(
  keys: readonly FernetKey[],
  text: string,
): { receipt: Receipt; issuedAt: number; id: string } | undefined {
  const opened = open(keys, text)
  if (!opened) return undefined
  try {
    const packed = unpack(opened.plaintext)
    if (!Array.isArray(packed) || packed.length !== 4) return undefined
    const [version, userId, methods, expiry] = packed
    if (version !== 0 || typeof expiry !== 'number') return undefined
    const receipt = {
      userId: takeId(userId),
      methods: takeMethods(methods),
      expiresAt: Math.round(expiry * 1000),
    }
    const id = createHash('sha256').update(Buffer.from(text, 'base64url')).digest('hex')
    return { receipt, issuedAt: opened.sealedAt, id }
  } catch (error) {
    // Signed with our key, yet of another shape: no receipt of this cloud.
    if (error instanceof RangeError || error instanceof TypeError) return undefined
    throw error
  }
}
