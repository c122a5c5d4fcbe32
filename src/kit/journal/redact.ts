// What an event may keep of the facts it is given: a copy without secrets and of bounded size. The copy also keeps
// an event as it was when it was recorded, whatever the caller does with its objects until the event is stored.

const censor = '***'
const maxTextLength = 8192
const maxItems = 1000
const maxDepth = 8

/** A deep copy in which values under secret-like names, tokens and passwords inside text are replaced. */
export function redact(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return copyObject(facts, 0)
}

/** The same for one text: an error's message, an address. */
export function redactText(text: string): string {
  let shown = text.length > maxTextLength ? `${text.slice(0, maxTextLength)}...` : text
  // Fernet tokens begin with these letters: version 0x80 and the high bytes of the time.
  if (shown.includes('gAAAAA')) shown = shown.replace(/gAAAAA[\w-]{60,}=*/g, censor)
  if (shown.includes('://')) shown = shown.replace(/(:\/\/[^\s:/@]*):[^\s/@]+@/g, `$1:${censor}@`)
  if (shown.includes('PRIVATE KEY')) shown = shown.replace(/-----BEGIN[^-]*PRIVATE KEY-----[\s\S]*/g, censor)
  return shown
}

/** `adminPass`, `admin_pass`, `X-Auth-Token`: compared without case and punctuation. */
const secretEnding =
  /(password|passwd|passphrase|pass|secret|token|privatekey|secretkey|encryptionkey|userdata|authorization|cookie|personality|credentials?)$/

const secretNames = new Map<string, boolean>()
const maxRemembered = 10_000

function isSecretName(name: string): boolean {
  const known = secretNames.get(name)
  if (known !== undefined) return known
  const secret = secretEnding.test(name.toLowerCase().replace(/[^a-z0-9]/g, ''))
  // Names come from callers' metadata too, so that there may be any number of them.
  if (secretNames.size < maxRemembered) secretNames.set(name, secret)
  return secret
}

function copyObject(from: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const name in from) {
    const value = from[name]
    if (value === undefined) continue
    // Whether there is one is no secret, nor is a number of them.
    const plain = value === null || typeof value === 'boolean' || typeof value === 'number'
    copy[name] = plain ? value : isSecretName(name) ? censor : copyValue(value, depth + 1)
  }
  return copy
}

function copyValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return redactText(value)
    case 'number':
    case 'boolean':
      return value
    case 'bigint':
      return String(value)
    case 'object':
      break
    default:
      return undefined
  }
  if (value === null) return null
  if (depth > maxDepth) return '...'
  if (Array.isArray(value)) {
    const items = value.slice(0, maxItems).map((item) => copyValue(item, depth + 1))
    return value.length > maxItems ? [...items, `... and ${value.length - maxItems} more`] : items
  }
  // Bytes are bodies, images or keys: their number says enough.
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Error) return redactText(value.message)
  return copyObject(value as Record<string, unknown>, depth)
}
