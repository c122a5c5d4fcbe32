// Policy files: an operator's rules over the defaults, with every mistake in its place and every doubt told.
import { nearest } from '../config/nearest.ts'
import { CloudError } from '../errors/cloud-error.ts'
import { parseYaml } from '../yaml/yaml.ts'
import { type Check, parseAlternatives, parseCheck } from './check.ts'
import type { PolicyRule } from './policy.ts'
import { asksAdmin, deadParts, references } from './walk.ts'

/** One file: `file` is how complaints name it. */
export type PolicyText = { file: string; text: string }

/** A rule that a file gives. */
type Override = { check: Check; place: string }

export type RuleSet = {
  readonly checks: ReadonlyMap<string, Check>
  /** Rule names with their places, 'policy.yaml:3:1'; a rule that isn't here is as built in. */
  readonly places: ReadonlyMap<string, string>
  /** Of rules that hold with their older default besides, both. */
  readonly widened: ReadonlyMap<string, Widened>
  readonly problems: readonly string[]
}

export type Widened = { newer: Check; older: Check }

export type Defaults = {
  readonly rules: readonly PolicyRule[]
  readonly checks: ReadonlyMap<string, Check>
}

/** Throws where a declaration is malformed or doubled: a bug of ours. */
export function parseDefaults(rules: readonly PolicyRule[]): Defaults {
  const checks = new Map<string, Check>()
  for (const rule of rules) {
    if (checks.has(rule.name)) throw new Error(`The policy rule ${rule.name} is declared twice`)
    checks.set(rule.name, parseDefault(rule.name, rule.check))
  }
  return { rules, checks }
}

export function parseDefault(name: string, check: string): Check {
  try {
    return parseCheck(check)
  } catch (error) {
    throw new Error(`The policy rule ${name} is malformed`, { cause: error })
  }
}

/**
 * What holds with these files over the defaults; of a rule in several files the last one counts. Throws kind 'badRequest'
 * with each check that cannot be read or that refers to itself.
 */
export function combine(
  defaults: Defaults,
  texts: readonly PolicyText[],
  options: { newDefaultsOnly: boolean },
): RuleSet {
  const refused: string[] = []
  const given = new Map(texts.flatMap((text) => readOverrides(text, refused)))
  const problems: string[] = []
  const own = applyRenamed(defaults.rules, given, problems)
  const checks = new Map(defaults.checks)
  const widened = options.newDefaultsOnly ? new Map<string, Widened>() : widen(defaults, own)
  for (const [name, { newer, older }] of widened) checks.set(name, { kind: 'or', parts: [newer, older] })
  for (const [name, { check }] of own) checks.set(name, check)
  const where = (name: string) => own.get(name)?.place ?? 'built in'
  for (const cycle of findCycles(checks)) {
    const name = cycle.find((each) => own.has(each)) ?? cycle[0]!
    refused.push(`${where(name)}: ${name} refers to itself: ${cycle.join(' -> ')}`)
  }
  if (refused.length > 0) throw new CloudError('badRequest', refused.join('\n'))
  problems.push(...findProblems(defaults.checks, own, checks))
  const places = new Map([...own].map(([name, { place }]) => [name, place]))
  return { checks, places, widened, problems }
}

function readOverrides({ file, text }: PolicyText, refused: string[]): [string, Override][] {
  let read: ReturnType<typeof parseYaml>
  try {
    read = parseYaml(text, file)
  } catch (error) {
    if (!(error instanceof CloudError)) throw error
    refused.push(error.message)
    return []
  }
  const value = read.value ?? {}
  if (typeof value !== 'object' || Array.isArray(value)) {
    refused.push(`${file}:1:1: must hold rule names with checks`)
    return []
  }
  return Object.entries(value).flatMap(([name, written]): [string, Override][] => {
    const { line, column } = read.place([name])
    const place = `${file}:${line}:${column}`
    try {
      return [[name, { check: readOverride(written), place }]]
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      refused.push(`${place}: ${name}: ${error.message}`)
      return []
    }
  })
}

function readOverride(written: unknown): Check {
  if (typeof written === 'string') return parseCheck(written)
  if (Array.isArray(written)) return parseAlternatives(written)
  throw new SyntaxError('a check must be text')
}

/** A file may still call a rule by its older name; where it has both, the newer one counts. */
function applyRenamed(
  rules: readonly PolicyRule[],
  given: ReadonlyMap<string, Override>,
  problems: string[],
): Map<string, Override> {
  const own = new Map(given)
  const names = new Set(rules.map((rule) => rule.name))
  const spent = new Set<string>()
  for (const { name, deprecated } of rules) {
    const old = deprecated?.name
    const found = old === undefined || names.has(old) ? undefined : given.get(old)
    if (!found) continue
    spent.add(old!)
    problems.push(`${found.place}: rule ${old} is now called ${name}`)
    if (!given.has(name)) own.set(name, found)
  }
  // Others of the file's rules may refer to it, so that it stays where they do.
  const referred = new Set([...given.values()].flatMap(({ check }) => references(check)))
  for (const old of spent) if (!referred.has(old)) own.delete(old)
  return own
}

/** Each default with what it was before; a file's own word stands for itself, as in oslo.policy. */
function widen(defaults: Defaults, own: ReadonlyMap<string, unknown>): Map<string, Widened> {
  return new Map(
    defaults.rules.flatMap(({ name, deprecated }): [string, Widened][] => {
      if (deprecated?.check === undefined || own.has(name)) return []
      return [[name, { newer: defaults.checks.get(name)!, older: parseDefault(name, deprecated.check) }]]
    }),
  )
}

function findProblems(
  defaults: ReadonlyMap<string, Check>,
  own: ReadonlyMap<string, Override>,
  checks: ReadonlyMap<string, Check>,
): string[] {
  const names = [...checks.keys()]
  const hint = (name: string) => {
    const near = nearest(
      name,
      names.filter((each) => each !== name),
    )
    return near === undefined ? '' : `; did you mean ${near}?`
  }
  const where = (name: string) => own.get(name)?.place ?? 'built in'
  const referred = new Set([...checks.values()].flatMap(references))
  const unused = [...own.keys()].filter((name) => !defaults.has(name) && !referred.has(name))
  const missing = [...checks].flatMap(([name, check]) =>
    references(check)
      .filter((other) => !checks.has(other))
      .map((other) => `${where(name)}: ${name} refers to rule ${other}, which is not there${hint(other)}`),
  )
  const dead = [...own].flatMap(([name, { check, place }]) =>
    deadParts(check).map((what) => `${place}: ${name}: ${what}`),
  )
  return [
    ...unused.map((name) => `${where(name)}: nothing asks for rule ${name}${hint(name)}`),
    ...missing,
    ...dead,
  ]
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
