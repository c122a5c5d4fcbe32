// What the policy was asked during one request and what it said, so that it can be explained afterwards.
import type { Policy } from '../policy/engine.ts'
import type { Credentials, PolicyRule, PolicyTarget } from '../policy/policy.ts'

type Asked = { rule: PolicyRule; target: PolicyTarget; allowed: boolean; demanded: boolean }

/** As the journal keeps it. */
export type DecisionFact = {
  rule: string
  allowed: boolean
  /** What let in, 'role:member, project_id:%(project_id)s', or kept out: 'role:admin (the roles are member, reader)'. */
  because: string
  /** The whole check, and 'built in' or the place in a policy file that it is from: where it was refused. */
  check?: string
  from?: string
}

export type Decisions = {
  authorize(rule: PolicyRule, target: PolicyTarget): void
  allows(rule: PolicyRule, target: PolicyTarget): boolean
  /** `whole`: with refusals that the service has got by, such as of attributes and of entries of a list. */
  facts(whole: boolean): DecisionFact[] | undefined
}

/** A list may ask for each of its entries. */
const most = 6

export function decisionsOf(policy: Policy, credentials: Credentials): Decisions {
  const asked: Asked[] = []
  const note = (rule: PolicyRule, target: PolicyTarget, allowed: boolean, demanded: boolean) => {
    if (asked.length < most) asked.push({ rule, target, allowed, demanded })
    // What ended the request counts most.
    else if (demanded && !allowed) asked[most - 1] = { rule, target, allowed, demanded }
  }
  return {
    authorize(rule, target) {
      const allowed = policy.allows(rule, credentials, target)
      note(rule, target, allowed, true)
      if (!allowed) policy.authorize(rule, credentials, target)
    },
    allows(rule, target) {
      const allowed = policy.allows(rule, credentials, target)
      if (asked.length < most) note(rule, target, allowed, false)
      return allowed
    },
    facts(whole) {
      const told = new Set<string>()
      const facts: DecisionFact[] = []
      for (const each of asked) {
        if (!whole && !each.demanded && !each.allowed) continue
        const key = `${each.allowed} ${each.rule.name}`
        if (told.has(key)) continue
        told.add(key)
        facts.push(fact(policy, credentials, each))
      }
      return facts.length === 0 ? undefined : facts
    },
  }
}

function fact(policy: Policy, credentials: Credentials, { rule, target, allowed }: Asked): DecisionFact {
  if (allowed) return { rule: rule.name, allowed, because: policy.groundOf(rule, credentials, target) ?? '' }
  const { because, detail, from } = policy.explain(rule, credentials, target)
  return { rule: rule.name, allowed, because, check: detail.check, from }
}
