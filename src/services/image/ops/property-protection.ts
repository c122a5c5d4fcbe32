// Protection of properties: a file in Glance's form says by regular expressions who may create, read, update and delete
// which properties, by roles or by rules of the policy. Without the file all may do all.
// https://docs.openstack.org/glance/latest/admin/property-protections.html
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type Credentials, rule } from '#kit/policy/policy.ts'
import type { ImageContext } from '../app.ts'
import type { ImageConfig } from '../config.ts'

const actions = ['create', 'read', 'update', 'delete'] as const
type Action = (typeof actions)[number]
/** Names of roles, or one name of a rule. */
type Allowed = 'all' | 'nobody' | readonly string[]
type Section = { expression: RegExp } & Record<Action, Allowed>
export type PropertyProtections = {
  format: ImageConfig['propertyProtectionFormat']
  sections: readonly Section[]
}

/** Kind 'badRequest' with the file's line where it can't be understood. */
export function parsePropertyProtections(
  text: string,
  format: PropertyProtections['format'],
  file: string,
): PropertyProtections {
  const sections: Section[] = []
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim()
    const wrong = (reason: string) => new CloudError('badRequest', `${file}:${index + 1}: ${reason}`)
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue
    const header = /^\[(.+)\]$/.exec(line)
    if (header) {
      // What a section doesn't mention nobody may.
      const none = { create: [], read: [], update: [], delete: [] }
      sections.push({ expression: readExpression(header[1]!, wrong), ...none })
      continue
    }
    const [, key, value] = /^(\w+)\s*[=:]\s*(.*)$/.exec(line) ?? []
    const action = actions.find((each) => each === key)
    const section = sections.at(-1)
    if (!section) throw wrong('a section such as [^x_.*] must come first')
    if (!action) throw wrong(`expected one of ${actions.join(', ')} with "=" behind it`)
    section[action] = readAllowed(value!, format, wrong)
  }
  return { format, sections }
}

function readExpression(text: string, wrong: (reason: string) => CloudError): RegExp {
  try {
    // Python's match holds at the start only.
    return new RegExp(`^(?:${text})`)
  } catch (error) {
    throw wrong(`${text} is no regular expression: ${(error as Error).message}`)
  }
}

function readAllowed(
  value: string,
  format: PropertyProtections['format'],
  wrong: (reason: string) => CloudError,
): Allowed {
  const names = value
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
  const marks = names.filter((each) => each === '@' || each === '!')
  if (marks.length > 0 && names.length > 1) throw wrong('@ and ! stand alone')
  if (format === 'policies' && names.length > 1) throw wrong('one rule of the policy is expected')
  if (marks.length === 0) return names
  return marks[0] === '@' ? 'all' : 'nobody'
}

/** Whoever wants something: a request, or a task that goes on for one. */
export type Asking = Pick<ImageContext, 'app' | 'allows'> & { caller: Credentials }

export function isReadable(asking: Asking, name: string): boolean {
  return allows(asking, name, 'read')
}

/** Those that the caller may read. */
export function readableProperties(
  asking: Asking,
  properties: Record<string, string>,
): Record<string, string> {
  if (!asking.app.protections.current()) return properties
  return Object.fromEntries(Object.entries(properties).filter(([name]) => isReadable(asking, name)))
}

/** Kind 'forbidden' where a change between the two is not the caller's to make. */
export function requireProperties(
  asking: Asking,
  before: Record<string, string>,
  after: Record<string, string>,
): void {
  if (!asking.app.protections.current()) return
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const action = !Object.hasOwn(before, name)
      ? 'create'
      : !Object.hasOwn(after, name)
        ? 'delete'
        : before[name] !== after[name]
          ? 'update'
          : undefined
    if (action && !allows(asking, name, action))
      throw new CloudError('forbidden', `Attribute '${name}' is reserved.`)
  }
}

function allows({ app, caller, ...asking }: Asking, name: string, action: Action): boolean {
  const protections = app.protections.current()
  if (!protections) return true
  // The first section that fits decides; a property that none fits is nobody's.
  const allowed = protections.sections.find(({ expression }) => expression.test(name))?.[action]
  if (allowed === undefined || allowed === 'nobody') return false
  if (allowed === 'all') return true
  if (protections.format === 'roles') {
    const roles = caller.roles.map((role) => role.toLowerCase())
    return allowed.some((role) => roles.includes(role.toLowerCase()))
  }
  // A rule that the policy doesn't have lets nobody in.
  return allowed.some((each) => asking.allows(rule(each, '!', ''), {}))
}
