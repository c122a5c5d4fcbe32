// The rules in force: the defaults that services declare, with an operator's policy file over them.

import { nearest } from '../config/nearest.ts'
import { CloudError } from '../errors/cloud-error.ts'
import { parseYaml } from '../yaml/yaml.ts'
import { type Check, parseAlternatives, parseCheck } from './check.ts'
import { compile, type Decide, deciding, type Explanation, explainCheck } from './evaluate.ts'
import type { Credentials, Enforcer, PolicyRule, PolicyTarget, ScopeType } from './policy.ts'

export type PolicyOptions = {
  /** All that may be asked or referred to, aliases such as admin_required among them. */
  rules: readonly PolicyRule[]
  /** The policy file's text: rule names with checks. */
  overrides?: string
  /** How complaints name the file. */
  file?: string
  /** False as `enforce_scope = False`: a token of the wrong scope is judged by the check alone. */
  enforceScope?: boolean
  /** The sentence of a refusal; each service has its own. */
  refusal?: (rule: string) => string
}

export type Policy = Enforcer & {
  /** Names in the file that no rule has, and references to rules that are not there: such checks refuse. */
  readonly problems: readonly string[]
  explain(rule: PolicyRule, credentials: Credentials, target: PolicyTarget): PolicyExplanation
  /** Puts another text of the file in force, or throws and changes nothing. */
  reload(overrides: string | undefined): void
}

export type PolicyExplanation = {
  rule: string
  allowed: boolean
  /** What decided, in a sentence. */
  because: string
  detail: Explanation
}

type Rules = {
  checks: ReadonlyMap<string, Check>
  decisions: Map<string, Decide>
  problems: readonly string[]
}

/** Throws kind 'badRequest' with each check of the file that cannot be read or that refers to itself. */
export function openPolicy(options: PolicyOptions): Policy {
  const enforceScope = options.enforceScope ?? true
  const refusal = options.refusal ?? ((rule: string) => `Policy doesn't allow ${rule} to be performed.`)
  const defaults = parseDefaults(options.rules)
  let rules = load(defaults, options.overrides, options.file ?? 'policy.yaml')

  const scopeFits = (rule: PolicyRule, credentials: Credentials) => {
    const scope = scopeOf(credentials)
    return !enforceScope || !rule.scopeTypes || scope === undefined || rule.scopeTypes.includes(scope)
  }
  const decisionOf = (rule: PolicyRule): Decide => {
    const known = rules.decisions.get(rule.name)
    if (known) return known
    const { decisions } = rules
    const decide = compile(parseDefault(rule), (name) => decisions.get(name))
    decisions.set(rule.name, decide)
    return decide
  }
  const allows = (rule: PolicyRule, credentials: Credentials, target: PolicyTarget) =>
    scopeFits(rule, credentials) && decisionOf(rule)(credentials, target)

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
      const check = checks.get(rule.name) ?? parseDefault(rule)
      const decide = (part: Check) => compile(part, (name) => decisions.get(name))(credentials, target)
      const detail = explainCheck(check, (name) => checks.get(name), decide, credentials, target)
      if (!scopeFits(rule, credentials)) {
        const because = `the token's scope is ${scopeOf(credentials)}, wanted is ${rule.scopeTypes?.join(' or ')}`
        return { rule: rule.name, allowed: false, because, detail }
      }
      return { rule: rule.name, allowed: detail.allowed, because: deciding(detail).join('; '), detail }
    },
    reload(overrides) {
      rules = load(defaults, overrides, options.file ?? 'policy.yaml')
    },
  }
}

function scopeOf(credentials: Credentials): ScopeType | undefined {
  if (credentials.systemScope) return 'system'
  if (credentials.domainId) return 'domain'
  return credentials.projectId ? 'project' : undefined
}

function parseDefaults(rules: readonly PolicyRule[]): Map<string, Check> {
  const checks = new Map<string, Check>()
  for (const rule of rules) {
    if (checks.has(rule.name)) throw new Error(`The policy rule ${rule.name} is declared twice`)
    checks.set(rule.name, parseDefault(rule))
  }
  return checks
}

function parseDefault(rule: PolicyRule): Check {
  try {
    return parseCheck(rule.check)
  } catch (error) {
    throw new Error(`The policy rule ${rule.name} is malformed`, { cause: error })
  }
}

function load(defaults: ReadonlyMap<string, Check>, overrides: string | undefined, file: string): Rules {
  const text = parseYaml(overrides ?? '', file)
  const place = (name: string) => {
    const { line, column } = text.place([name])
    return `${file}:${line}:${column}`
  }
  const value = text.value ?? {}
  if (typeof value !== 'object' || Array.isArray(value))
    throw new CloudError('badRequest', `${file}:1:1: must hold rule names with checks`)

  const refused: string[] = []
  const own = new Map<string, Check>()
  for (const [name, written] of Object.entries(value)) {
    try {
      own.set(name, readOverride(written))
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      refused.push(`${place(name)}: ${name}: ${error.message}`)
    }
  }
  const checks = new Map([...defaults, ...own])
  const where = (name: string) => (own.has(name) ? place(name) : 'built in')
  for (const cycle of findCycles(checks)) {
    const name = cycle.find((each) => own.has(each)) ?? cycle[0]!
    refused.push(`${where(name)}: ${name} refers to itself: ${cycle.join(' -> ')}`)
  }
  if (refused.length > 0) throw new CloudError('badRequest', refused.join('\n'))

  const decisions = new Map<string, Decide>()
  for (const [name, check] of checks)
    decisions.set(
      name,
      compile(check, (other) => decisions.get(other)),
    )
  return { checks, decisions, problems: findProblems(defaults, own, checks, where) }
}

function readOverride(written: unknown): Check {
  if (typeof written === 'string') return parseCheck(written)
  if (Array.isArray(written)) return parseAlternatives(written)
  throw new SyntaxError('a check must be text')
}

function findProblems(
  defaults: ReadonlyMap<string, Check>,
  own: ReadonlyMap<string, Check>,
  checks: ReadonlyMap<string, Check>,
  where: (name: string) => string,
): string[] {
  const hint = (name: string) => {
    const near = nearest(
      name,
      [...checks.keys()].filter((each) => each !== name),
    )
    return near === undefined ? '' : `; did you mean ${near}?`
  }
  const referred = new Set([...checks.values()].flatMap(references))
  const unused = [...own.keys()].filter((name) => !defaults.has(name) && !referred.has(name))
  const missing = [...checks].flatMap(([name, check]) =>
    references(check)
      .filter((other) => !checks.has(other))
      .map((other) => `${where(name)}: ${name} refers to rule ${other}, which is not there${hint(other)}`),
  )
  return [...unused.map((name) => `${where(name)}: nothing asks for rule ${name}${hint(name)}`), ...missing]
}

/** Names that the check refers to as `rule:name`. */
function references(check: Check): string[] {
  if (check.kind === 'rule') return [check.name]
  if (check.kind === 'not') return references(check.part)
  return check.kind === 'and' || check.kind === 'or' ? check.parts.flatMap(references) : []
}

/** Whether it holds `is_admin`, which stands for passing the rule context_is_admin. */
function asksAdmin(check: Check): boolean {
  if (check.kind === 'not') return asksAdmin(check.part)
  if (check.kind === 'and' || check.kind === 'or') return check.parts.some(asksAdmin)
  return check.kind === 'credential' && check.attribute === 'is_admin'
}

function findCycles(checks: ReadonlyMap<string, Check>): string[][] {
  const cycles: string[][] = []
  const done = new Set<string>()
  const visit = (name: string, path: readonly string[]) => {
    const start = path.indexOf(name)
    if (start >= 0) cycles.push([...path.slice(start), name])
    const check = checks.get(name)
    if (start >= 0 || done.has(name) || !check) return
    const others = asksAdmin(check) ? [...references(check), 'context_is_admin'] : references(check)
    for (const other of others) visit(other, [...path, name])
    done.add(name)
  }
  for (const name of checks.keys()) visit(name, [])
  return cycles
}
