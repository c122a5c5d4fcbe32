// Which tokens are void although they are sealed and not expired: all that match an event and were issued by its time.
import { c, type RowOf, table } from '#kit/db/table.ts'
import { rule } from '#kit/policy/policy.ts'
import { microseconds } from './field.ts'
import { cloudWide } from './rule.ts'

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

/** Whatever names a token that this event voids, and until when such a token was made. */
export function revocationView(r: Revocation): Record<string, unknown> {
  const named = {
    user_id: r.userId,
    project_id: r.projectId,
    domain_id: r.domainId,
    'OS-TRUST:trust_id': r.trustId,
    application_credential_id: r.applicationCredentialId,
    audit_id: r.auditId,
  }
  const given = Object.entries(named).filter(([, value]) => value !== null)
  return { ...Object.fromEntries(given), issued_before: microseconds(r.issuedBefore) }
}

export const revocationRules = {
  list: rule('identity:list_revoke_events', 'rule:service_or_admin', 'List what was revoked', cloudWide),
}
