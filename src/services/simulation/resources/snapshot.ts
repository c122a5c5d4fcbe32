// A snapshot: the whole simulated cloud as it was at one instant, under a name.
import { Type } from 'typebox'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { withPath } from './fault-kind.ts'

export type Snapshot = {
  name: string
  description: string
  createdAt: number
  /** Of the program that saved it: no other reads it. */
  version: string
  hosts: number
  /** Of all its files; those it shares with others are counted too. */
  sizeBytes: number
  /** What saving took, or restoring it where that was just done. */
  tookMs: number
}

/** It becomes a folder's name: no slash, no dot in front. */
const snapshotName = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$',
  description: 'Letters, digits, dots, dashes and underscores; 64 at most',
})

export const snapshotCreate = body(
  'snapshot',
  {
    name: { schema: snapshotName },
    description: { schema: Type.String({ maxLength: 255 }), optional: true },
  },
  { explain: withPath },
)

export const snapshotView = view<Snapshot>()({
  name: (s) => s.name,
  description: (s) => s.description,
  created_at: (s) => new Date(s.createdAt).toISOString(),
  version: (s) => s.version,
  hosts: (s) => s.hosts,
  size_bytes: (s) => s.sizeBytes,
  took_ms: (s) => Math.round(s.tookMs),
})
