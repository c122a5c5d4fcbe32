// The audit's events in the form of the Cloud Auditing Data Federation (DMTF DSP0262), which audit tools read.
import type { DecisionFact } from '#kit/http/decision.ts'
import { view } from '#kit/http/view.ts'
import type { JournalEvent } from '#kit/journal/journal.ts'

/** What kit/http records in the audit. */
export type AuditFacts = {
  action: string
  /** `within`: what else the path named, by kind: `{ projects: id, users: id }` of a role that was given. */
  target: { type: string; id?: string; name?: string; within?: Readonly<Record<string, string>> }
  initiator: {
    name?: string
    roles?: readonly string[]
    scope?: string
    domainId?: string
    auditId?: string
    address: string
    agent?: string
  }
  globalRequestId?: string
  status: number
  policy?: readonly DecisionFact[]
}

export const auditFactsOf = (event: JournalEvent): AuditFacts => event.data as AuditFacts

export const cadfView = view<JournalEvent>()({
  typeURI: () => 'http://schemas.dmtf.org/cloud/audit/1.0/event',
  id: (e) => e.id,
  eventType: () => 'activity',
  eventTime: (e) => new Date(e.at).toISOString(),
  action: (e) => auditFactsOf(e).action,
  outcome: (e) => (e.outcome === 'ok' ? 'success' : 'failure'),
  reason: (e) => reasonOf(e),
  initiator: (e) => initiatorOf(e),
  target: (e) => {
    const { type, id, name, within } = auditFactsOf(e).target
    const attachments =
      within &&
      Object.entries(within).map(([of, content]) => ({ contentType: 'text/plain', name: of, content }))
    return { typeURI: type, id, name, attachments }
  },
  observer: (e) => ({
    typeURI: `service/${auditFactsOf(e).target.type.split('/')[0]}`,
    name: e.service,
    id: e.host,
  }),
  requestPath: (e) => e.name,
})

function reasonOf(event: JournalEvent) {
  const { status, policy } = auditFactsOf(event)
  const decided = policy?.findLast((each) => !each.allowed) ?? policy?.[0]
  return {
    reasonType: 'HTTP',
    reasonCode: String(status),
    reasonText: event.error,
    ...(decided && { policyType: 'oslo.policy', policyId: decided.rule }),
  }
}

function initiatorOf(event: JournalEvent) {
  const { initiator, globalRequestId } = auditFactsOf(event)
  return {
    typeURI: 'service/security/account/user',
    id: event.userId ?? 'unknown',
    name: initiator.name,
    project_id: event.projectId,
    domain_id: initiator.domainId,
    roles: initiator.roles,
    request_id: event.requestId,
    global_request_id: globalRequestId,
    host: { address: initiator.address, agent: initiator.agent },
    ...(initiator.auditId && { credential: { type: 'token', token: initiator.auditId } }),
  }
}
