// Who may do what to an object. As Neutron has it: what a project may not see, or may see but doesn't own, is not there
// for it (404); on its own objects a refusal is a refusal (403).
import { hostRole } from '#contracts/host.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PolicyRule, PolicyTarget } from '#kit/policy/policy.ts'
import type { NetworkContext } from '../app.ts'
import type { Attributes, Resource } from '../resources/attribute.ts'

export function isAdmin(context: NetworkContext): boolean {
  return context.caller.roles.includes('admin')
}

/** The agent of a host that joined: it may look at networks and ports, whoever's they are. */
export function isHost(context: NetworkContext): boolean {
  return context.caller.roles.includes(hostRole)
}

export function ensureVisible<R>(
  context: NetworkContext,
  rule: PolicyRule,
  row: R | undefined,
  target: (row: R) => PolicyTarget,
  missing: () => CloudError,
): R {
  if (row === undefined || !context.allows(rule, target(row))) throw missing()
  return row
}

/** For what changes an object that was found to be visible. */
export function authorizeChange(
  context: NetworkContext,
  rules: readonly PolicyRule[],
  target: PolicyTarget,
): void {
  const own = context.caller.projectId !== undefined && target.project_id === context.caller.projectId
  for (const rule of rules) {
    if (context.allows(rule, target)) continue
    if (own) context.authorize(rule, target)
    throw new CloudError('notFound', 'The resource could not be found.', { type: 'HTTPNotFound' })
  }
}

/** The rules of the attributes that the client named. */
export function attributeRules(
  resource: Resource<Attributes>,
  named: readonly string[],
  verb: 'postRule' | 'putRule',
): PolicyRule[] {
  return named.flatMap((wire) => resource.attributes[wire]?.[verb] ?? [])
}
