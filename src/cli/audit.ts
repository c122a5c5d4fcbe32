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
  target: { typeURI: string; id?: string; name?: string; attachments?: { name: string; content: string }[] }
}

export function formatAudit(events: readonly AuditEvent[], terminal: Pick<Terminal, 'colors'>): string[] {
  const rows = events.map(({ eventTime, action, reason, initiator, target }) => [
    eventTime,
    initiator.name ?? initiator.id,
    initiator.host.address,
    action,
    shown(target),
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

/** 'identity/projects/users/roles 4d1c... (projects 9a0b..., users 77fe...)'. */
function shown({ typeURI, id, attachments = [] }: AuditEvent['target']): string {
  const within = attachments.map(({ name, content }) => `${name} ${content}`).join(', ')
  return [typeURI, id, within && `(${within})`].filter((part) => part).join(' ')
}
