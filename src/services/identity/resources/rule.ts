// Aliases that identity's rules refer to, and checks that many of them share. Names are keystone's, so that policy files carry over.
import { rule } from '#kit/policy/policy.ts'

export const aliases = [
  rule('admin_required', 'role:admin', 'An administrator, of whatever scope'),
  rule('service_role', 'role:service', 'A service of the cloud'),
  rule('service_or_admin', 'rule:admin_required or rule:service_role', 'A service or an administrator'),
  rule('owner', 'user_id:%(user_id)s', 'The user whom it belongs to'),
  rule('admin_or_owner', 'rule:admin_required or rule:owner', 'An administrator or the owner'),
  rule('token_subject', 'user_id:%(target.token.user_id)s', 'The user of the token in question'),
  rule(
    'admin_or_token_subject',
    'rule:admin_required or rule:token_subject',
    'An administrator or the user of the token in question',
  ),
  rule(
    'service_admin_or_token_subject',
    'rule:service_or_admin or rule:token_subject',
    'A service, an administrator or the user of the token in question',
  ),
  rule(
    'domain_managed_target_role',
    "'manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s",
    'The roles that the manager of a domain may give',
  ),
]

export const everywhere = ['system', 'domain', 'project'] as const
export const cloudWide = ['system', 'project'] as const

/** Reads anything: an administrator, or a reader of the whole system. */
export const reader = 'rule:admin_required or (role:reader and system_scope:all)'
export const admin = 'rule:admin_required'
