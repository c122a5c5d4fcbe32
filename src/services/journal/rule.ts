// Who may read the journal: admins all of it, others what is recorded of their own project.
import { rule } from '#kit/policy/policy.ts'

const scopes = ['system', 'project'] as const
export const journalRules = {
  listEvents: rule('journal:list_events', 'role:admin', 'List recorded events of the whole cloud', scopes),
  listAudit: rule(
    'journal:list_audit_events',
    'role:admin or (role:reader and system_scope:all)',
    'List who changed what, in the whole cloud',
    scopes,
  ),
  showRequest: rule(
    'journal:show_request',
    'role:admin or (role:reader and system_scope:all) or user_id:%(user_id)s',
    'Show how a request was decided: of one that the caller made, or any',
  ),
  showTrace: rule(
    'journal:show_boot_trace',
    'role:admin or (role:reader and project_id:%(project_id)s)',
    'Show the boot of a server, step by step',
    scopes,
  ),
}
