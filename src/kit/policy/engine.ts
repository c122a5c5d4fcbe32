// The rules in force: the defaults that services declare, with an operator's policy files over them.
import { CloudError } from '../errors/cloud-error.ts'
import { type Check, formatCheck } from './check.ts'
import {
  compile,
  compileGround,
  type Decide,
  deciding,
  type Explanation,
  explainCheck,
  type Ground,
} from './evaluate.ts'
import { combine, type PolicyText, parseDefault, parseDefaults, type RuleSet } from './file.ts'
import type { Credentials, Enforcer, PolicyRule, PolicyTarget, ScopeType } from './policy.ts'

export type PolicySettings = {
  /** Policy files: of a rule in several of them the last one counts. */
  texts?: readonly PolicyText[]
  /** False as `enforce_scope = False`: a token of the wrong scope is judged by the check alone. The default is true. */
  enforceScope?: boolean
  /** False as `enforce_new_defaults = False`: what a rule's older default lets in may in, too. The default is true. */
  enforceNewDefaults?: boolean
}

export type PolicyOptions = PolicySettings & {
  /** All that may be asked or referred to, aliases such as admin_required among them. */
  rules: readonly PolicyRule[]
  /** The sentence of a refusal; each service has its own. */
  refusal?: (rule: string) => string
}

export type Policy = Enforcer & {
  /**
   * What files say that is most likely not meant: names that no rule has, references to rules that are not there (such
   * checks refuse), older names, parts of a check that never count.
   */
  readonly problems: readonly string[]
  explain(rule: PolicyRule, credentials: Credentials, target: PolicyTarget): PolicyExplanation
  /** What let the caller in, in a few words; undefined where the rule refuses. */
  groundOf(rule: PolicyRule, credentials: Credentials, target: PolicyTarget): string | undefined
  /** Puts other settings in force, or throws kind 'badRequest' and changes nothing. */
  reload(settings: PolicySettings): void
  /** Every rule in force, those that only a file knows at the end. */
  inForce(): RuleInForce[]
}

export type RuleInForce = {
  name: string
  check: string
  /** 'built in', or the place in a file. */
  from: string
  /** Absent where only a file has it. */
  declared?: PolicyRule
}

export type PolicyExplanation = {
  rule: string
  allowed: boolean
  /** 'built in', or the place in a file. */
  from: string
  /** What decided, in a sentence. */
  because: string
  detail: Explanation
}

type Rules = RuleSet & {
  decisions: Map<string, Decide>
  grounds: Map<string, Ground>
  enforceScope: boolean
}

/** Throws kind 'badRequest' with each check of the files that cannot be read or that refers to itself. */
export function openPolicy(options: PolicyOptions): Policy {
  const refusal = options.refusal ?? ((rule: string) => `Policy doesn't allow ${rule} to be performed.`)
  const defaults = parseDefaults(options.rules)
  const load = (settings: PolicySettings): Rules => {
    const newDefaultsOnly = settings.enforceNewDefaults ?? true
    const set = combine(defaults, settings.texts ?? [], { newDefaultsOnly })
    const decisions = new Map<string, Decide>()
    for (const [name, check] of set.checks)
      decisions.set(
        name,
        compile(check, (other) => decisions.get(other)),
      )
    return { ...set, decisions, grounds: new Map(), enforceScope: settings.enforceScope ?? true }
  }
  let rules = load(options)

  const scopeFits = (rule: PolicyRule, credentials: Credentials) => {
    if (!rules.enforceScope || !rule.scopeTypes) return true
    const scope = scopeOf(credentials)
    return scope === undefined || rule.scopeTypes.includes(scope)
  }
  const decisionOf = (rule: PolicyRule): Decide => {
    const known = rules.decisions.get(rule.name)
    if (known) return known
    const { decisions } = rules
    const decide = compile(parseDefault(rule.name, rule.check), (name) => decisions.get(name))
    decisions.set(rule.name, decide)
    return decide
  }
  const allows = (rule: PolicyRule, credentials: Credentials, target: PolicyTarget) =>
    scopeFits(rule, credentials) && decisionOf(rule)(credentials, target)

  /** Made when they are first asked for. */
  const groundOf = (name: string, rule?: PolicyRule): Ground => {
    const { grounds, decisions, checks } = rules
    const known = grounds.get(name)
    if (known) return known
    const check = checks.get(name) ?? (rule && parseDefault(rule.name, rule.check))
    const compiled = (of: Check) =>
      compileGround(
        of,
        (other) => decisions.get(other),
        (other) => groundOf(other),
      )
    const widened = rules.widened.get(name)
    let ground: Ground = () => undefined
    if (widened) ground = eitherGround(compiled(widened.newer), compiled(widened.older))
    else if (check) ground = compiled(check)
    grounds.set(name, ground)
    return ground
  }
  const fromOf = (name: string) =>
    rules.places.get(name) ?? (rules.widened.has(name) ? `built in, with ${olderDefault}` : 'built in')

  return {
    rules: options.rules,
    get problems() {
      return rules.problems
    },
    allows,
    authorize(rule, credentials, target) {
      if (!allows(rule, credentials, target))
        throw new CloudError('forbidden', refusal(rule.name), { type: 'PolicyNotAuthorized' })
    },
    explain(rule, credentials, target) {
      const { checks, decisions } = rules
      const check = checks.get(rule.name) ?? parseDefault(rule.name, rule.check)
      const findDecision = (name: string) => decisions.get(name)
      const findCheck = (name: string) => checks.get(name)
      const detail = explainCheck(check, { findCheck, findDecision, credentials, target })
      const from = fromOf(rule.name)
      if (!scopeFits(rule, credentials)) {
        const because = `the token's scope is ${scopeOf(credentials)}, wanted is ${rule.scopeTypes?.join(' or ')}, and policy.enforce_scope is on`
        return { rule: rule.name, allowed: false, from, because, detail }
      }
      return { rule: rule.name, allowed: detail.allowed, from, because: deciding(detail).join('; '), detail }
    },
    groundOf(rule, credentials, target) {
      return scopeFits(rule, credentials) ? groundOf(rule.name, rule)(credentials, target) : undefined
    },
    reload(settings) {
      rules = load(settings)
    },
    inForce() {
      const declared = new Map(options.rules.map((rule) => [rule.name, rule]))
      return [...rules.checks].map(([name, check]) => ({
        name,
        check: formatCheck(check),
        from: rules.places.get(name) ?? 'built in',
        declared: declared.get(name),
      }))
    },
  }
}

const olderDefault = 'its older default, since policy.enforce_new_defaults is off'

/** Whom the newer default lets in is told by it; whom only the older one does, so. */
function eitherGround(newer: Ground, older: Ground): Ground {
  return (credentials, target) => {
    const ground = newer(credentials, target)
    if (ground !== undefined) return ground
    const was = older(credentials, target)
    return was === undefined ? undefined : `${was || '@'} by ${olderDefault}`
  }
}

/** Undefined for a token without any. */
export function scopeOf(credentials: Credentials): ScopeType | undefined {
  if (credentials.systemScope) return 'system'
  if (credentials.domainId) return 'domain'
  return credentials.projectId ? 'project' : undefined
}
