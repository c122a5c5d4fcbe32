// Policies and operator policies: checked, kept by their virtual host, applied to all that is in it.
import type { JsonObject, JsonValue } from '../core/json.ts'
import type { Matcher, Policy, PolicyTarget } from '../core/policy.ts'
import type { Vhost } from '../core/vhost.ts'
import { compilePattern } from './pattern.ts'
import { definitionProblems } from './policy-key.ts'
import { invalid, notFound, term } from './refusal.ts'
import type { Registry } from './registry.ts'

export type PolicyKind = 'policy' | 'operator_policy'

const targets: readonly string[] = [
  'all',
  'queues',
  'classic_queues',
  'quorum_queues',
  'streams',
  'exchanges',
]

/** `spec` as the management API has it: pattern, definition, priority, apply-to. True where it is new. */
export function setPolicy(
  registry: Registry,
  kind: PolicyKind,
  vhostName: string,
  name: string,
  spec: JsonObject,
): boolean {
  const vhost = registry.vhosts.get(vhostName)
  if (!vhost) throw notFound('vhost_not_found')
  const policies = policiesOf(vhost, kind)
  const isNew = !policies.has(name)
  policies.set(name, policyOf(name, spec, kind))
  vhost.applyPolicies()
  registry.changed()
  return isNew
}

export function clearPolicy(registry: Registry, kind: PolicyKind, vhostName: string, name: string): void {
  const vhost = registry.vhosts.get(vhostName)
  if (!vhost || !policiesOf(vhost, kind).delete(name)) throw notFound()
  vhost.applyPolicies()
  registry.changed()
}

export function policiesOf(vhost: Vhost, kind: PolicyKind): Map<string, Policy> {
  return kind === 'policy' ? vhost.policies : vhost.operatorPolicies
}

export function policyJson({ pattern, applyTo, definition, priority }: Policy): JsonObject {
  return { pattern, 'apply-to': applyTo, definition, priority }
}

function policyOf(name: string, spec: JsonObject, kind: PolicyKind): Policy {
  const pattern = spec.pattern ?? null
  // Until 3.8 operator policies were only for queues, and still only queues have numbers to bound.
  const applyTo = spec['apply-to'] ?? 'all'
  const priority = spec.priority ?? 0
  const definition = spec.definition ?? null
  const problems: string[] = []
  const regex = regexOf(pattern, problems)
  if (typeof applyTo !== 'string' || !targets.includes(applyTo))
    problems.push(`apply-to '${shown(applyTo)}' unrecognised; should be one of ${targets.join(', ')}`)
  if (!Number.isInteger(priority))
    problems.push(`priority should be a number, actually was ${term(priority)}`)
  problems.push(...definitionProblems(definition, kind === 'operator_policy'))
  if (!regex || problems.length > 0) throw invalid(problems)
  return {
    name,
    pattern: pattern as string,
    regex,
    applyTo: applyTo as PolicyTarget,
    definition: definition as JsonObject,
    priority: priority as number,
  }
}

function regexOf(pattern: JsonValue, problems: string[]): Matcher | undefined {
  try {
    if (typeof pattern === 'string') return compilePattern(pattern)
    problems.push(`pattern should be a string, actually was ${term(pattern)}`)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    problems.push(`pattern should be regular expression but is invalid: ${why}`)
  }
  return undefined
}

function shown(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
