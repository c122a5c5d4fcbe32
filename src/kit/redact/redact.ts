// What may be kept and shown of facts: a copy without secrets and of bounded size. Whatever leaves the program by its log, its
// journal or an error goes through here. The copy also stays as it was, whatever the caller does with its objects later.
import { censor, isSecret, isSecretHeader } from './name.ts'
import { withoutSecrets } from './text.ts'

const maxTextLength = 8192
const maxItems = 1000
const maxDepth = 8
/** Of all together: what refers to the same things again and again would grow with each level. */
const maxValues = 10_000

/** The objects that the present one lies in, and how many values may still come. */
type Walk = { readonly above: object[]; left: number }

/** A deep copy in which values under secrets' names, and secrets inside of text, are replaced. Never throws. */
export function redact(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  try {
    const copy = copyNested(facts, { above: [], left: maxValues })
    return copy !== null && typeof copy === 'object' ? (copy as Record<string, unknown>) : { shown: copy }
  } catch (error) {
    // A getter or a proxy of the caller's: what is recorded of it must not end the work that it was recorded for.
    return { unreadable: redactText(String(error instanceof Error ? error.message : typeof error)) }
  }
}

/** The same for one text: an error's message, an address. */
export function redactText(text: string): string {
  return withoutSecrets(text.length > maxTextLength ? `${text.slice(0, maxTextLength)}...` : text)
}

/** A value as JSON for a message that tells what is wrong with it, by the names that lead there: at most 200 characters. */
export function showValue(path: readonly string[], value: unknown): string {
  if (path.some((name) => isSecret(name, value))) return censor
  const { shown } = redact({ shown: value })
  const text = JSON.stringify(shown) ?? 'nothing'
  return text.length > 200 ? `${text.slice(0, 200)}...` : text
}

function copyObject(from: Readonly<Record<string, unknown>>, walk: Walk): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const name in from) {
    const value = from[name]
    if (value === undefined) continue
    if (--walk.left < 0) {
      copy['...'] = 'and more'
      break
    }
    const secret = isSecret(name, value) || (name === 'value' && isSecret(nameOf(from), value))
    set(copy, name, secret ? censor : copyValue(value, walk))
  }
  return copy
}

/** Of one of a list of names with values: { name: 'password', value: 'a' }. */
function nameOf({ name, key }: Readonly<Record<string, unknown>>): string {
  const given = name ?? key
  return typeof given === 'string' ? given : ''
}

/** Names may be secrets themselves, where something is kept by its token. */
function set(copy: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') return
  copy[name.length > 60 ? redactText(name) : name] = value
}

function copyValue(value: unknown, walk: Walk): unknown {
  switch (typeof value) {
    case 'string':
      return redactText(value)
    case 'number':
    case 'boolean':
      return value
    case 'bigint':
      return String(value)
    case 'object':
      return value === null ? null : copyNested(value, walk)
    default:
      return undefined
  }
}

function copyNested(value: object, walk: Walk): unknown {
  const { above } = walk
  if (above.length > maxDepth || walk.left < 0) return '...'
  if (above.includes(value)) return '(itself)'
  // Bytes are bodies, images or keys: their number says enough.
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
  if (value instanceof Error) return redactText(value.message)
  above.push(value)
  const copy = Array.isArray(value) ? copyList(value, walk) : copyParts(value, walk)
  above.pop()
  return copy
}

function copyParts(value: object, walk: Walk): unknown {
  // Dates, addresses, and what knows by itself which of its parts are secret, such as a section of the configuration.
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function') return copyValue(toJSON.call(value), walk)
  const proto = Object.getPrototypeOf(value)
  if (proto === Object.prototype || proto === null) return copyObject(value as Record<string, unknown>, walk)
  if (value instanceof Set) return copyList([...value], walk)
  if (value instanceof Map || value instanceof Headers || value instanceof URLSearchParams) {
    const entries = [...value.entries()].map(([name, one]) => [
      typeof name === 'object' ? typeof name : String(name),
      one,
    ])
    return copyObject(Object.fromEntries(entries), walk)
  }
  return copyObject(value as Record<string, unknown>, walk)
}

function copyList(list: readonly unknown[], walk: Walk): unknown[] {
  const copy: unknown[] = []
  for (let at = 0; at < list.length; at++) {
    if (at === maxItems || --walk.left < 0) {
      copy.push(`... and ${list.length - at} more`)
      break
    }
    copy.push(at > 0 && isSecretHeader(list[at - 1]) ? censor : copyValue(list[at], walk))
  }
  return copy
}
