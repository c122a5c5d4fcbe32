// Policies: settings for all queues and exchanges whose names match a pattern, changeable while they live.
// The match with the highest priority applies, alone. https://www.rabbitmq.com/docs/parameters#policies
import type { JsonValue } from './json.ts'

export type PolicyTarget = 'all' | 'queues' | 'classic_queues' | 'quorum_queues' | 'streams' | 'exchanges'
export type PolicyDefinition = Readonly<Record<string, JsonValue>>

/** A compiled pattern. */
export type Matcher = { test(name: string): boolean }

export type Policy = {
  readonly name: string
  readonly pattern: string
  readonly regex: Matcher
  readonly applyTo: PolicyTarget
  readonly definition: PolicyDefinition
  readonly priority: number
}

export type PolicySubject = { kind: 'exchange' | 'queue'; name: string; quorum: boolean }

/** Of two with the same priority, the one that was set first. */
export function policyFor(policies: Iterable<Policy>, subject: PolicySubject): Policy | undefined {
  let best: Policy | undefined
  for (const policy of policies) {
    if (best && best.priority >= policy.priority) continue
    if (applies(policy.applyTo, subject) && policy.regex.test(subject.name)) best = policy
  }
  return best
}

function applies(target: PolicyTarget, { kind, quorum }: PolicySubject): boolean {
  if (target === 'all') return true
  if (kind === 'exchange') return target === 'exchanges'
  return target === 'queues' || target === (quorum ? 'quorum_queues' : 'classic_queues')
}

/** What holds: the user's policy, with the operator's numbers as upper bounds and its other keys on top. */
export function effectiveDefinition(
  policy: Policy | undefined,
  operatorPolicy: Policy | undefined,
): PolicyDefinition {
  const merged: Record<string, JsonValue> = { ...policy?.definition }
  for (const [key, value] of Object.entries(operatorPolicy?.definition ?? {})) {
    const own = merged[key]
    merged[key] = typeof own === 'number' && typeof value === 'number' ? Math.min(own, value) : value
  }
  return merged
}
