// Which tokens are void although they are sealed and not expired: all that match an event and were issued by its time.
import { c, type RowOf, table } from '#kit/db/table.ts'

export const revocation = table(
  'revocation',
  {
    seq: c.autoId(),
    /** Exactly one of these is set. */
    userId: c.nullable(c.text(64)),
    projectId: c.nullable(c.text(64)),
    domainId: c.nullable(c.text(64)),
    trustId: c.nullable(c.text(64)),
    applicationCredentialId: c.nullable(c.text(64)),
    auditId: c.nullable(c.text(32)),
    /** Tokens issued at this second or before are void. */
    issuedBefore: c.time(),
    revokedAt: c.time(),
  },
  {
    index: [['revokedAt'], ['userId'], ['projectId'], ['domainId'], ['trustId'], ['applicationCredentialId']],
  },
)
export type Revocation = RowOf<typeof revocation>

/** Counts the writes, so that other processes on the same database know when to look again. One row. */
export const epoch = table('epoch', { id: c.text(16), value: c.bigint() })
