// The check strings that most of volume's rules refer to, as Zed's policy defines them.
import { hostRole } from '#contracts/host.ts'
import { type DeprecatedRule, type PolicyRule, rule } from '#kit/policy/policy.ts'

export const admin = 'rule:admin_api'
export const member = 'rule:xena_system_admin_or_project_member'
export const reader = 'rule:xena_system_admin_or_project_reader'

export const isAdmin = rule('context_is_admin', 'role:admin', 'Who counts as an administrator')
/** Another service of the cloud: it acts for users whose token may have expired. */
export const isService = rule('context_is_service', 'role:service', 'Who counts as a service of the cloud')

/** Before Cinder knew readers, whatever role in the project let a caller do all of this. */
const anyRole = { check: 'rule:admin_or_owner' }

/** The agent of a host that joined: it connects the volumes of its servers with itself. */
export const isHost = rule('host_api', `role:${hostRole}`, 'The agent of a host that joined the cloud')

export const aliasRules: PolicyRule[] = [
  isAdmin,
  isService,
  isHost,
  rule('admin_api', 'role:admin', 'An administrator'),
  // Nothing of ours refers to it; files that were written for Cinder do.
  rule(
    'system_or_domain_or_project_admin',
    'role:admin and (system_scope:all or domain_id:%(domain_id)s or project_id:%(project_id)s)',
    'An administrator of the system, the domain or the project',
  ),
  rule(
    'admin_or_owner',
    'role:admin or project_id:%(project_id)s',
    'An administrator, or anyone in the project',
  ),
  rule(
    'xena_system_admin_or_project_reader',
    'role:admin or (role:reader and project_id:%(project_id)s)',
    'A reader of the project, or an administrator',
    undefined,
    anyRole,
  ),
  rule(
    'xena_system_admin_or_project_member',
    'role:admin or (role:member and project_id:%(project_id)s)',
    'A member of the project, or an administrator',
    undefined,
    anyRole,
  ),
]

/** Rules that were one before Cinder divided them: a policy file may still name the whole. */
const wholes: readonly (readonly [part: RegExp, whole: string])[] = [
  [/^volume_extension:volume_image_metadata:/, 'volume_extension:volume_image_metadata'],
  [/^volume_extension:type_(create|update|delete)$/, 'volume_extension:types_manage'],
  [/^volume_extension:quota_classes:/, 'volume_extension:quota_classes'],
]

function older(name: string): DeprecatedRule | undefined {
  const whole = wholes.find(([part]) => part.test(name))?.[1]
  return whole === undefined ? undefined : { name: whole }
}

/** Rules by key, each with its name, its check and its words. */
export function rules<const R extends Record<string, readonly [name: string, check: string, words: string]>>(
  of: R,
): { [K in keyof R]: PolicyRule } {
  const made = Object.entries(of).map(([key, [name, check, words]]) => [
    key,
    rule(name, check, words, undefined, older(name)),
  ])
  return Object.fromEntries(made) as { [K in keyof R]: PolicyRule }
}
