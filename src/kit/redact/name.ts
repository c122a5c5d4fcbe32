// Names whose values are secrets, in whatever way they are written: adminPass, admin_pass, X-Auth-Token.

/** What stands in a secret's place. */
export const censor = '***'

/** A name's end, without case and punctuation. A blob is a credential's, whose secret stands in it as JSON. */
const secretEnding =
  /(pass(word|wd|phrase|code)?|passwordhash|secret|token|signature|(private|secret|encryption|signing|sealing|master|api)key|userdata|authorization|cookie|personality|credential|blob|ticket)s?$/
/** Of the likes of these even a number tells: passcodes are made of digits. */
const passEnding = /pass(word|wd|phrase|code)?$/
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
