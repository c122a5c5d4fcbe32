// The check strings that most of compute's rules refer to, as Zed's policy defines them.
import type { PolicyRule } from '#kit/policy/policy.ts'
import { rule } from '#kit/policy/policy.ts'

export const anyone = '@'
export const admin = 'rule:context_is_admin'
export const member = 'rule:project_member_or_admin'
export const reader = 'rule:project_reader_or_admin'

export const isAdmin = rule('context_is_admin', 'role:admin', 'Who counts as an administrator')

export const aliasRules: PolicyRule[] = [
  isAdmin,
  rule('project_member_api', 'role:member and project_id:%(project_id)s', 'A member of the project'),
  rule('project_reader_api', 'role:reader and project_id:%(project_id)s', 'A reader of the project'),
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

/** The rules of `of`, named `os_compute_api:<group>:<key>`, each with its check and its words. */
export function rules<const R extends Record<string, readonly [name: string, check: string, words: string]>>(
  of: R,
): { [K in keyof R]: PolicyRule } {
  const made = Object.entries(of).map(([key, [name, check, words]]) => [key, rule(name, check, words)])
  return Object.fromEntries(made) as { [K in keyof R]: PolicyRule }
}
