// Runs a check: compiled to closures for each request, and walked with its reasons for people who ask why.
import { type Check, formatCheck, type Template } from './check.ts'
import type { Credentials, PolicyTarget } from './policy.ts'

export type Decide = (credentials: Credentials, target: PolicyTarget) => boolean

/** Finds a rule's decision at the time it is asked; undefined where there is no such rule. */
export type FindRule = (name: string) => Decide | undefined

export function compile(check: Check, findRule: FindRule): Decide {
  switch (check.kind) {
    case 'always':
      return () => true
    case 'never':
      return () => false
    case 'and': {
      const parts = check.parts.map((part) => compile(part, findRule))
      return (credentials, target) => parts.every((part) => part(credentials, target))
    }
    case 'or': {
      const parts = check.parts.map((part) => compile(part, findRule))
      return (credentials, target) => parts.some((part) => part(credentials, target))
    }
    case 'not': {
      const part = compile(check.part, findRule)
      return (credentials, target) => !part(credentials, target)
    }
    case 'rule':
      return (credentials, target) => findRule(check.name)?.(credentials, target) ?? false
    case 'role':
      return compileRole(check.role)
    case 'credential':
      return compileCredential(check.attribute, check.wanted, findRule)
    case 'literal':
      return (_, target) => fill(check.wanted, target) === check.literal
    case 'field': {
      const { attribute, wanted } = check
      return (_, target) => {
        const value = find(target, attribute)
        if (value === undefined || value === null) return false
        return wanted instanceof RegExp ? wanted.test(pythonText(value)) : pythonText(value) === wanted
      }
    }
  }
}

/** What let the caller in, in the rule's own words: 'role:member, project_id:%(project_id)s'; undefined where nothing did. */
export type Ground = (credentials: Credentials, target: PolicyTarget) => string | undefined

/** As cheap as the decision itself: every request has its grounds recorded. */
export function compileGround(
  check: Check,
  findDecision: FindRule,
  findGround: (name: string) => Ground | undefined,
): Ground {
  switch (check.kind) {
    case 'and': {
      const parts = check.parts.map((part) => compileGround(part, findDecision, findGround))
      return (credentials, target) => {
        const grounds: string[] = []
        for (const part of parts) {
          const ground = part(credentials, target)
          if (ground === undefined) return undefined
          grounds.push(ground)
        }
        return grounds.join(', ')
      }
    }
    case 'or': {
      const parts = check.parts.map((part) => compileGround(part, findDecision, findGround))
      return (credentials, target) => {
        for (const part of parts) {
          const ground = part(credentials, target)
          if (ground !== undefined) return ground
        }
        return undefined
      }
    }
    case 'rule':
      return (credentials, target) => findGround(check.name)?.(credentials, target)
    default: {
      const decide = compile(check, findDecision)
      const text = formatCheck(check)
      return (credentials, target) => (decide(credentials, target) ? text : undefined)
    }
  }
}

export type Explanation = {
  kind: Check['kind']
  /** The check as written. */
  check: string
  allowed: boolean
  /** What was found, where that decides: 'your project_id is a, wanted is b'. */
  reason?: string
  parts?: readonly Explanation[]
}

export type Asked = {
  /** A referred rule's tree. */
  findCheck: (name: string) => Check | undefined
  findDecision: FindRule
  credentials: Credentials
  target: PolicyTarget
}

export function explainCheck(check: Check, asked: Asked): Explanation {
  const { credentials, target } = asked
  const told = { kind: check.kind, check: formatCheck(check) }
  const single = (reason?: string): Explanation => {
    const allowed = compile(check, asked.findDecision)(credentials, target)
    return { ...told, allowed, reason }
  }
  switch (check.kind) {
    case 'and':
    case 'or': {
      const parts = check.parts.map((part) => explainCheck(part, asked))
      const allowed = check.kind === 'and' ? parts.every(holds) : parts.some(holds)
      return { ...told, allowed, parts }
    }
    case 'not': {
      const part = explainCheck(check.part, asked)
      return { ...told, allowed: !part.allowed, parts: [part] }
    }
    case 'rule': {
      const named = asked.findCheck(check.name)
      if (!named) return { ...told, allowed: false, reason: 'there is no such rule' }
      const part = explainCheck(named, asked)
      return { ...told, allowed: part.allowed, parts: [part] }
    }
    case 'role':
      return single(`the roles are ${credentials.roles.join(', ') || 'none'}`)
    case 'credential': {
      // Not one attribute but the outcome of a rule.
      if (check.attribute === 'is_admin') return single()
      const own = readCredential(credentials, check.attribute) ?? 'not set'
      return single(`${check.attribute} is ${own}, wanted is ${shown(check.wanted, target)}`)
    }
    case 'literal':
      return single(`the object has ${shown(check.wanted, target)}`)
    case 'field':
      return single(`the object has ${pythonText(find(target, check.attribute)) || 'nothing'}`)
    default:
      return single()
  }
}

const holds = (part: Explanation) => part.allowed

/** The single checks that decided, as one line: why it was refused or allowed. */
export function deciding(explanation: Explanation): string[] {
  const { parts, allowed } = explanation
  if (!parts) return [`${explanation.check}${explanation.reason ? ` (${explanation.reason})` : ''}`]
  const wanted = explanation.kind === 'not' ? !allowed : allowed
  return parts.filter((part) => part.allowed === wanted).flatMap(deciding)
}

function compileRole(role: Template): Decide {
  const has = (credentials: Credentials, wanted: string) =>
    credentials.roles.some((name) => name === wanted || name.toLowerCase() === wanted)
  if (isPlain(role)) {
    const wanted = role.join('').toLowerCase()
    return (credentials) => has(credentials, wanted)
  }
  return (credentials, target) => {
    const wanted = fill(role, target)
    return wanted !== undefined && has(credentials, wanted.toLowerCase())
  }
}

function compileCredential(attribute: string, wanted: Template, findRule: FindRule): Decide {
  // Nova and neutron set it on whoever passes this rule; keystone's is its bootstrap token, which we have not.
  if (attribute === 'is_admin') {
    return (credentials, target) => {
      const isAdmin = findRule('context_is_admin')?.(credentials, target) ?? false
      return pythonText(isAdmin) === fill(wanted, target)
    }
  }
  const plain = isPlain(wanted)
  return (credentials, target) => {
    const own = readCredential(credentials, attribute)
    // Who has no project must not own what has none: None equals None only where the rule says None itself.
    if (own === undefined) return plain && attribute in credentialReaders && wanted.join('') === 'None'
    return own === fill(wanted, target)
  }
}

const credentialReaders: Record<string, (credentials: Credentials) => string | undefined> = {
  user_id: (c) => c.userId,
  user_domain_id: (c) => c.userDomainId,
  project_id: (c) => c.projectId,
  tenant_id: (c) => c.projectId,
  project_domain_id: (c) => c.projectDomainId,
  domain_id: (c) => c.domainId,
  system_scope: (c) => c.systemScope,
  // Keystone's own checks reach into the token.
  'token.domain.id': (c) => c.domainId,
  'token.project.domain.id': (c) => c.projectDomainId,
  // No deployment marks another project as the admins' own, so every project counts.
  is_admin_project: () => 'True',
}

function readCredential(credentials: Credentials, attribute: string): string | undefined {
  return credentialReaders[attribute]?.(credentials)
}

function isPlain(template: Template): template is readonly string[] {
  return template.every((piece) => typeof piece === 'string')
}

/** Undefined where the object has no such attribute: the check fails then. */
function fill(template: Template, target: PolicyTarget): string | undefined {
  let text = ''
  for (const piece of template) {
    if (typeof piece === 'string') text += piece
    else {
      const value = find(target, piece.attribute)
      if (value === undefined) return undefined
      text += pythonText(value)
    }
  }
  return text
}

/** By its full name, then by steps into nested objects; projects answer to their older name of tenants. */
function find(target: PolicyTarget, attribute: string): unknown {
  if (Object.hasOwn(target, attribute)) return target[attribute]
  let value: unknown = target
  for (const step of attribute.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step))
      return renamed(target, attribute)
    value = (value as Record<string, unknown>)[step]
  }
  return value
}

function renamed(target: PolicyTarget, attribute: string): unknown {
  const other = attribute.replace(/(tenant|project)_id$/, (_, name) =>
    name === 'tenant' ? 'project_id' : 'tenant_id',
  )
  return Object.hasOwn(target, other) ? target[other] : undefined
}

/** Rules are written against Python's words for values. */
function pythonText(value: unknown): string {
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (value === null) return 'None'
  return value === undefined ? '' : String(value)
}

function shown(wanted: Template, target: PolicyTarget): string {
  return fill(wanted, target) ?? 'not on the object'
}
