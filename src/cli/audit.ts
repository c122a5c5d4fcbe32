// `nimbo audit`: who changed what, a line each.
import { columns, paint, type Terminal } from './terminal.ts'

/** As the journal's API gives it, in CADF. */
export type AuditEvent = {
  eventTime: string
  action: string
  outcome: 'success' | 'failure'
  reason: { reasonCode: string; reasonText?: string; policyId?: string }
  initiator: {
    id: string
    name?: string
    project_id?: string
    request_id?: string
    host: { address: string }
  }
  target: { typeURI: string; id?: string; name?: string }
}

export function formatAudit(events: readonly AuditEvent[], terminal: Pick<Terminal, 'colors'>): string[] {
  const rows = events.map(({ eventTime, action, reason, initiator, target }) => [
    eventTime,
    initiator.name ?? initiator.id,
    initiator.host.address,
    action,
    [target.typeURI, target.id].filter((part) => part !== undefined).join(' '),
    reason.reasonCode,
    initiator.request_id ?? '',
  ])
  const [heading, ...lines] = columns([
    ['TIME', 'WHO', 'FROM', 'ACTION', 'TARGET', 'CODE', 'REQUEST'],
    ...rows,
  ])
  return [
    paint(terminal, 'bold', heading!),
    ...lines.map((line, at) => (events[at]!.outcome === 'failure' ? paint(terminal, 'red', line) : line)),
  ]
}
