// The check strings that most of compute's rules refer to, as Zed's policy defines them.
import type { DeprecatedRule, PolicyRule } from '#kit/policy/policy.ts'
import { rule } from '#kit/policy/policy.ts'

export const anyone = '@'
export const admin = 'rule:context_is_admin'
export const member = 'rule:project_member_or_admin'
export const reader = 'rule:project_reader_or_admin'

export const isAdmin = rule('context_is_admin', 'role:admin', 'Who counts as an administrator')

/** Before Nova knew readers, whatever role in the project let a caller do all of this. */
const anyRole = { check: 'rule:admin_or_owner' }

export const aliasRules: PolicyRule[] = [
  isAdmin,
  // Nothing of ours refers to the next three; files that were written for Nova do.
  rule('admin_api', 'rule:context_is_admin', 'An administrator'),
  rule('project_manager_api', 'role:manager and project_id:%(project_id)s', 'A manager of the project'),
  rule(
    'project_manager_or_admin',
    'rule:project_manager_api or rule:context_is_admin',
    'A manager, or an administrator',
  ),
  rule(
    'admin_or_owner',
    'rule:context_is_admin or project_id:%(project_id)s',
    'An administrator, or anyone in the project',
  ),
  rule('service_api', 'role:service', 'Another service of the cloud'),
  rule('service_or_admin', 'rule:service_api or rule:context_is_admin', 'A service, or an administrator'),
  rule(
    'project_member_api',
    'role:member and project_id:%(project_id)s',
    'A member of the project',
    undefined,
    anyRole,
  ),
  rule(
    'project_reader_api',
    'role:reader and project_id:%(project_id)s',
    'A reader of the project',
    undefined,
    anyRole,
  ),
  rule(
    'project_member_or_admin',
    'rule:project_member_api or rule:context_is_admin',
    'A member, or an administrator',
  ),
  rule(
    'project_reader_or_admin',
    'rule:project_reader_api or rule:context_is_admin',
    'A reader, or an administrator',
  ),
]

/** A token of the system or of a domain has no servers, not even an administrator's. */
const scopes = ['project'] as const

/** Rules that were one before Nova divided them: a policy file may still name the whole. */
const divided = [
  'os-attach-interfaces',
  'os-deferred-delete',
  'os-hosts',
  'os-hypervisors',
  'os-instance-actions',
  'os-security-groups',
  'os-server-password',
  'os-services',
].map((name) => `os_compute_api:${name}`)

function older(name: string): DeprecatedRule | undefined {
  if (name === 'os_compute_api:limits:other_project') return { name: 'os_compute_api:os-used-limits' }
  if (name === 'os_compute_api:os-flavor-access') return anyRole
  const whole = name.slice(0, name.lastIndexOf(':'))
  return divided.includes(whole) ? { name: whole } : undefined
}

/** The rules of `of`, named `os_compute_api:<group>:<key>`, each with its check and its words. */
export function rules<const R extends Record<string, readonly [name: string, check: string, words: string]>>(
  of: R,
): { [K in keyof R]: PolicyRule } {
  const made = Object.entries(of).map(([key, [name, check, words]]) => [
    key,
    rule(name, check, words, scopes, older(name)),
  ])
  return Object.fromEntries(made) as { [K in keyof R]: PolicyRule }
}
