// What can be read off a check without asking it: which rules it names, and which of its parts never count.
import { type Check, formatCheck } from './check.ts'

/** Names that the check refers to as `rule:name`. */
export function references(check: Check): string[] {
  if (check.kind === 'rule') return [check.name]
  if (check.kind === 'not') return references(check.part)
  return check.kind === 'and' || check.kind === 'or' ? check.parts.flatMap(references) : []
}

/** Whether it holds `is_admin`, which stands for passing the rule context_is_admin. */
export function asksAdmin(check: Check): boolean {
  if (check.kind === 'not') return asksAdmin(check.part)
  if (check.kind === 'and' || check.kind === 'or') return check.parts.some(asksAdmin)
  return check.kind === 'credential' && check.attribute === 'is_admin'
}

/** Sentences on parts that something beside them decides: most likely a mistake. */
export function deadParts(check: Check): string[] {
  if (check.kind === 'not') return deadParts(check.part)
  if (check.kind !== 'and' && check.kind !== 'or') return []
  const decider = check.kind === 'or' ? 'always' : 'never'
  const decided = check.parts.some((part) => part.kind === decider)
  const dead = check.parts.filter((part) => part.kind !== decider)
  const own = decided && dead.length > 0
  const sentences = own
    ? dead.map((part) => `"${formatCheck(part)}" never counts beside "${decider === 'always' ? '@' : '!'}"`)
    : []
  const seen = new Set<string>()
  for (const part of check.parts) {
    const text = formatCheck(part)
    if (seen.has(text)) sentences.push(`"${text}" is there twice`)
    seen.add(text)
  }
  return [...sentences, ...check.parts.flatMap(deadParts)]
}
