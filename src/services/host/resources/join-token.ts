// Join tokens: one use, a short life, kept as a hash. On paper: nimbo1.<id>.<secret>.<fingerprint of the authority>.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { hostName } from './host.ts'

export const joinToken = table(
  'join_token',
  {
    id: c.text(16),
    /** SHA-256 of the secret, hexadecimal: 144 bits of chance need no slow hash. */
    secretHash: c.text(64),
    /** The only host that may use it; null for any new one. */
    hostName: c.nullable(c.text(64)),
    createdAt: c.time(),
    expiresAt: c.time(),
    usedAt: c.nullable(c.time()),
    usedBy: c.nullable(c.text(64)),
    /** SHA-256 of the public key that it was used with: the same host may ask again after a broken line. */
    usedKey: c.nullable(c.text(64)),
  },
  { primaryKey: ['id'] },
)
export type JoinToken = RowOf<typeof joinToken>

const time = (ms: number) => new Date(ms).toISOString()

export const joinTokenView = view<JoinToken & { now: number }>()({
  id: (t) => t.id,
  host: (t) => t.hostName,
  status: (t) => (t.usedAt !== null ? 'used' : t.expiresAt <= t.now ? 'expired' : 'valid'),
  used_by: (t) => t.usedBy,
  created_at: (t) => time(t.createdAt),
  expires_at: (t) => time(t.expiresAt),
})

export const joinTokenCreate = body('join_token', {
  /** Seconds. */
  ttl: { schema: Type.Integer({ minimum: 60, maximum: 604_800 }), optional: true },
  host: { schema: hostName, optional: true },
})
