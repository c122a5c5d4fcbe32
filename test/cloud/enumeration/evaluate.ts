// An evaluator of policy rules that owes nothing to kit/policy: it reads a rule's words as it goes, from left to right,
// so that a mistake in the engine is not repeated in what the tests expect of it.
import type { PolicyRule } from '#kit/policy/policy.ts'

/** What a test knows of a caller because it made it, and not because a token says so. */
export type Standing = {
  userId: string
  userDomainId: string
  projectId?: string
  projectDomainId?: string
  domainId?: string
  system?: boolean
  roles: readonly string[]
}
export type Target = Readonly<Record<string, unknown>>

/** Of the options of section `policy`, those that widen what is let in. */
export type Leniency = { anyScope?: boolean; olderDefaults?: boolean }

export function judge(
  rules: ReadonlyMap<string, PolicyRule>,
  name: string,
  who: Standing,
  target: Target,
  { anyScope = false, olderDefaults = false }: Leniency = {},
): boolean {
  const rule = rules.get(name)
  if (!rule) throw new Error(`No service declares the rule ${name}`)
  const scope = who.system ? 'system' : who.domainId ? 'domain' : who.projectId ? 'project' : undefined
  if (!anyScope && rule.scopeTypes && scope && !rule.scopeTypes.includes(scope)) return false
  return holds(olderDefaults ? widened(rules) : rules, `rule:${name}`, who, target)
}

const widenedOf = new WeakMap<ReadonlyMap<string, PolicyRule>, Map<string, PolicyRule>>()

/** Each rule in its words of today or in its older ones. */
function widened(rules: ReadonlyMap<string, PolicyRule>): Map<string, PolicyRule> {
  const known = widenedOf.get(rules)
  if (known) return known
  const either = (rule: PolicyRule) =>
    rule.deprecated?.check === undefined
      ? rule
      : { ...rule, check: `(${rule.check || '@'}) or (${rule.deprecated.check || '@'})` }
  const made = new Map([...rules].map(([name, rule]) => [name, either(rule)]))
  widenedOf.set(rules, made)
  return made
}

function holds(rules: ReadonlyMap<string, PolicyRule>, text: string, who: Standing, target: Target): boolean {
  const words = text.match(/\(|\)|(?:%\([^)]*\)s|'[^']*'|[^\s()])+/g) ?? []
  if (words.length === 0) return true
  let at = 0
  const take = (word: string) => words[at]?.toLowerCase() === word && ++at > 0
  // Both sides are always read: what is left of the words must not depend on what was found.
  const either = (): boolean => {
    let result = both()
    while (take('or')) result = both() || result
    return result
  }
  const both = (): boolean => {
    let result = one()
    while (take('and')) result = one() && result
    return result
  }
  const one = (): boolean => {
    if (take('not')) return !one()
    if (!take('(')) return single(rules, words[at++]!, who, target)
    const result = either()
    if (!take(')')) throw new Error(`Unbalanced: ${text}`)
    return result
  }
  const result = either()
  if (at !== words.length) throw new Error(`Not understood from "${words[at]}" on: ${text}`)
  return result
}

function single(
  rules: ReadonlyMap<string, PolicyRule>,
  word: string,
  who: Standing,
  target: Target,
): boolean {
  if (word === '@') return true
  if (word === '!') return false
  const [, left, right] = /^('[^']*'|[^:]+):(.*)$/.exec(word)!
  if (left === 'rule') return holds(rules, rules.get(right!)!.check, who, target)
  if (left === 'field') {
    const [, attribute, wanted] = /^[^:]+:([^=]+)=(.*)$/.exec(right!)!
    const value = target[attribute!]
    if (value === undefined || value === null) return false
    return wanted!.startsWith('~')
      ? new RegExp(`^(?:${wanted!.slice(1)})`).test(python(value))
      : python(value) === wanted
  }
  const wanted = fill(right!, target)
  if (left === 'role') return who.roles.some((role) => role.toLowerCase() === wanted?.toLowerCase())
  if (left === 'is_admin')
    return python(holds(rules, rules.get('context_is_admin')!.check, who, target)) === wanted
  const literal = /^'(.*)'$/.exec(left!)?.[1] ?? (/^(True|False|None|\d+)$/.test(left!) ? left : undefined)
  if (literal !== undefined) return wanted === literal
  const own = {
    user_id: who.userId,
    user_domain_id: who.userDomainId,
    project_id: who.projectId,
    tenant_id: who.projectId,
    project_domain_id: who.projectDomainId,
    domain_id: who.domainId,
    'token.domain.id': who.domainId,
    'token.project.domain.id': who.projectDomainId,
    system_scope: who.system ? 'all' : undefined,
    is_admin_project: 'True',
  }[left!]
  return own === undefined ? right === 'None' : own === wanted
}

/** Undefined where the target lacks what is named. */
function fill(text: string, target: Target): string | undefined {
  const name = /^%\((.*)\)s$/.exec(text)?.[1]
  if (name === undefined) return text
  const value = target[name] ?? (name === 'tenant_id' ? target.project_id : undefined)
  return value === undefined ? (name in target ? 'None' : undefined) : python(value)
}

const python = (value: unknown) =>
  value === true ? 'True' : value === false ? 'False' : value === null ? 'None' : String(value)
