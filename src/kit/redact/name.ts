// Names whose values are secrets, in whatever way they are written: adminPass, admin_pass, X-Auth-Token.

/** What stands in a secret's place. */
export const censor = '***'

const pass = 'pass(?:word|wd|phrase|code)?'
/** How a secret's name ends, as patterns; text.ts finds the same ones inside of text. A blob is a credential's, whose secret stands in it as JSON. */
export const secretWords: readonly string[] = [
  pass,
  'password[_-]?hash',
  'secret',
  'token',
  'signature',
  '(?:private|secret|encryption|signing|sealing|master|api)[_-]?key',
  'user[_-]?data',
  'authorization',
  'cookie',
  'credential',
  'blob',
]
/** Those are words of plain sentences, too. */
const wordsOfNames = [...secretWords, 'personality', 'ticket']

/** Without case and punctuation. */
const secretEnding = new RegExp(`(?:${wordsOfNames.join('|')})s?$`)
/** Of the likes of these even a number tells: passcodes are made of digits. */
const passEnding = new RegExp(`${pass}$`)
const headerName = /^(x-.*-token|authorization|proxy-authorization|cookie|set-cookie)$/i

type Kind = 'plain' | 'secret' | 'pass'
const known = new Map<string, Kind>()
/** Names come from callers' metadata too, so that there may be any number of them. */
const mostKnown = 10_000

function kindOf(name: string): Kind {
  const before = known.get(name)
  if (before !== undefined) return before
  const bare = name.toLowerCase().replace(/[^a-z0-9]/g, '')
  const kind = passEnding.test(bare) ? 'pass' : secretEnding.test(bare) ? 'secret' : 'plain'
  if (known.size < mostKnown) known.set(name, kind)
  return kind
}

/** Whether this value must not be shown under this name. Whether there is one is no secret, nor is how many there are. */
export function isSecret(name: string, value: unknown): boolean {
  if (value === null || typeof value === 'boolean') return false
  const kind = kindOf(name)
  return kind === 'pass' || (kind === 'secret' && typeof value !== 'number')
}

/** In lists of headers, where the value is the next item: ['X-Auth-Token', 'gAAAA...']. */
export function isSecretHeader(item: unknown): boolean {
  if (typeof item !== 'string' || item.length < 6 || item.length > 40) return false
  // All of them end in n or e: most items need no more than this look.
  const last = item.charCodeAt(item.length - 1) | 0x20
  return (last === 0x6e || last === 0x65) && headerName.test(item)
}
