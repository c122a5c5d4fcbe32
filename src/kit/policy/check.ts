// The check language of oslo.policy, from text to a tree: `role:admin or (role:member and project_id:%(project_id)s)`.
// https://docs.openstack.org/oslo.policy/latest/admin/policy-json-file.html

export type Check =
  | { kind: 'always' | 'never' }
  | { kind: 'and' | 'or'; parts: readonly Check[] }
  | { kind: 'not'; part: Check }
  | { kind: 'rule'; name: string }
  | { kind: 'role'; role: Template }
  /** An attribute of the credentials against text in which attributes of the object are put. */
  | { kind: 'credential'; attribute: string; wanted: Template }
  /** Text, number, boolean or None on the left: `'public':%(visibility)s`. */
  | { kind: 'literal'; literal: string; wanted: Template }
  /** Neutron's check of the object itself: `field:networks:shared=True`; a tilde starts a regular expression. */
  | { kind: 'field'; resource: string; attribute: string; wanted: string | RegExp }

/** Pieces of text, and names of the object's attributes between them. */
export type Template = readonly (string | { attribute: string })[]

/** Throws a SyntaxError that says what is wrong. */
export function parseCheck(text: string): Check {
  const tokens = tokenize(text)
  // No check at all lets everybody in; so says the language.
  if (tokens.length === 0) return { kind: 'always' }
  const reader = { tokens, at: 0 }
  const check = parseOr(reader)
  if (reader.at < tokens.length) throw new SyntaxError(`"${tokens[reader.at]}" is not expected here`)
  return check
}

/** The older form in files: a list of alternatives, each a list of checks that all must hold. */
export function parseAlternatives(alternatives: readonly unknown[]): Check {
  if (alternatives.length === 0) return { kind: 'always' }
  const parts = alternatives.map((alternative): Check => {
    const checks = Array.isArray(alternative) ? alternative : [alternative]
    return { kind: 'and', parts: checks.map((check) => parseCheck(String(check))) }
  })
  return { kind: 'or', parts }
}

/** As it would be written. */
export function formatCheck(check: Check): string {
  switch (check.kind) {
    case 'always':
      return '@'
    case 'never':
      return '!'
    case 'and':
    case 'or':
      return check.parts.map((part) => formatPart(part)).join(` ${check.kind} `)
    case 'not':
      return `not ${formatPart(check.part)}`
    case 'rule':
      return `rule:${check.name}`
    case 'role':
      return `role:${formatTemplate(check.role)}`
    case 'credential':
      return `${check.attribute}:${formatTemplate(check.wanted)}`
    case 'literal':
      return `'${check.literal}':${formatTemplate(check.wanted)}`
    case 'field': {
      const wanted = check.wanted instanceof RegExp ? `~${check.wanted.source}` : check.wanted
      return `field:${check.resource}:${check.attribute}=${wanted}`
    }
  }
}

function formatPart(check: Check): string {
  return check.kind === 'and' || check.kind === 'or' ? `(${formatCheck(check)})` : formatCheck(check)
}

function formatTemplate(template: Template): string {
  return template.map((piece) => (typeof piece === 'string' ? piece : `%(${piece.attribute})s`)).join('')
}

/** Parentheses count only at the ends of a word: those of `%(name)s` are inside. */
function tokenize(text: string): string[] {
  return text.split(/\s+/).flatMap((word) => {
    const [, opening, middle, closing] = /^(\(*)(.*?)(\)*)$/.exec(word)!
    return [...opening!, ...(middle ? [middle] : []), ...closing!]
  })
}

type Reader = { tokens: readonly string[]; at: number }

function parseOr(reader: Reader): Check {
  const parts = [parseAnd(reader)]
  while (nextIs(reader, 'or')) parts.push(parseAnd(reader))
  return parts.length === 1 ? parts[0]! : { kind: 'or', parts }
}

function parseAnd(reader: Reader): Check {
  const parts = [parseNot(reader)]
  while (nextIs(reader, 'and')) parts.push(parseNot(reader))
  return parts.length === 1 ? parts[0]! : { kind: 'and', parts }
}

function parseNot(reader: Reader): Check {
  if (nextIs(reader, 'not')) return { kind: 'not', part: parseNot(reader) }
  if (!nextIs(reader, '(')) return parseSingle(reader.tokens[reader.at++])
  const inner = parseOr(reader)
  if (!nextIs(reader, ')')) throw new SyntaxError('a closing parenthesis is missing')
  return inner
}

function nextIs(reader: Reader, word: string): boolean {
  const is = reader.tokens[reader.at]?.toLowerCase() === word
  if (is) reader.at++
  return is
}

function parseSingle(token: string | undefined): Check {
  if (token === undefined) throw new SyntaxError('it ends where a check is expected')
  if (token === '@') return { kind: 'always' }
  if (token === '!') return { kind: 'never' }
  const colon = token.indexOf(':')
  if (colon <= 0) throw new SyntaxError(`"${token}" is no check: it needs the form kind:value`)
  const left = token.slice(0, colon)
  const right = token.slice(colon + 1)
  switch (left) {
    case 'rule':
      return { kind: 'rule', name: right }
    case 'role':
      return { kind: 'role', role: parseTemplate(right) }
    case 'field':
      return parseField(right)
    case 'http':
    case 'https':
      throw new SyntaxError('checks by a remote server are not served')
  }
  const wanted = parseTemplate(right)
  const literal = parseLiteral(left)
  return literal === undefined
    ? { kind: 'credential', attribute: left, wanted }
    : { kind: 'literal', literal, wanted }
}

function parseField(text: string): Check {
  const match = /^([^:]+):([^=]+)=(~?)(.*)$/.exec(text)
  if (!match) throw new SyntaxError(`"field:${text}" needs the form field:resource:attribute=value`)
  const [resource, attribute, tilde, value] = match.slice(1) as [string, string, string, string]
  // Python's re.match holds at the start only.
  return { kind: 'field', resource, attribute, wanted: tilde ? new RegExp(`^(?:${value})`) : value }
}

function parseLiteral(text: string): string | undefined {
  const quoted = /^'([^']*)'$|^"([^"]*)"$/.exec(text)
  if (quoted) return quoted[1] ?? quoted[2]
  return /^(True|False|None|-?\d+(\.\d+)?)$/.test(text) ? text : undefined
}

function parseTemplate(text: string): Template {
  const pieces: (string | { attribute: string })[] = []
  for (const [piece] of text.matchAll(/%\([^)]*\)s|%%|[^%]+|%/g)) {
    if (piece === '%') throw new SyntaxError(`"${text}" holds a % that starts no %(name)s`)
    if (piece === '%%') pieces.push('%')
    else pieces.push(piece.startsWith('%(') ? { attribute: piece.slice(2, -2) } : piece)
  }
  return pieces
}
