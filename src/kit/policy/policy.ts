// Who may do what: rules in oslo.policy's language, enforced on the object.
// https://docs.openstack.org/oslo.policy/latest/reference/api/oslo_policy.policy.html

export type ScopeType = 'system' | 'domain' | 'project'

/** A default rule, declared beside the resource it guards. */
export type PolicyRule = {
  name: string
  check: string
  description: string
  scopeTypes?: readonly ScopeType[]
  deprecated?: DeprecatedRule
}

/** What a rule was before. */
export type DeprecatedRule = {
  /** Its older name: a policy file may still use it. */
  name?: string
  /** Its older default, which holds besides the newer one while `enforce_new_defaults` is off. */
  check?: string
}

export function rule(
  name: string,
  check: string,
  description: string,
  scopeTypes?: readonly ScopeType[],
  deprecated?: DeprecatedRule,
): PolicyRule {
  return { name, check, description, scopeTypes, deprecated }
}

/** What a check string may name as `role:`, `user_id:%(...)s`, `project_id:...`, `system_scope:all`. */
export type Credentials = {
  userId: string
  userDomainId?: string
  projectId?: string
  projectDomainId?: string
  domainId?: string
  systemScope?: 'all'
  roles: readonly string[]
}

/** The object's attributes in snake_case, flat: `project_id`, `user_id`, `network:shared`, `target.user.domain_id`. */
export type PolicyTarget = Readonly<Record<string, unknown>>

export type Enforcer = {
  /** All that are declared, in their own words, whatever an operator's file makes of them. */
  readonly rules: readonly PolicyRule[]
  allows(rule: PolicyRule, credentials: Credentials, target: PolicyTarget): boolean
  /** Throws kind 'forbidden', naming the rule. */
  authorize(rule: PolicyRule, credentials: Credentials, target: PolicyTarget): void
}
