// Secrets inside of text: tokens by their form, and what stands behind a secret's name in addresses, queries, forms, JSON and
// headers. Each pattern begins with a fixed word, so that its time grows with the text's length and no faster.
import { censor, secretWords } from './name.ts'

const words = `(?:${secretWords.join('|')})s?`
/** None of these patterns can match without one of them. */
const anyWord = new RegExp(words, 'i')

/** `password=a`, `auth[password]=a`, `--secret='a b'`. */
const assigned = new RegExp(`(${words}(?:%5D|\\])?=)("[^"]*"?|'[^']*'?|[^\\s&;,'"()]+)`, 'gi')
/** `"password": "a"`, `'secret': 'a'`, `password: 'a'`. */
const quoted = new RegExp(
  `(${words}["']?\\s*:\\s*)("(?:\\\\[\\s\\S]|[^"\\\\])*"?|'(?:\\\\[\\s\\S]|[^'\\\\])*'?)`,
  'gi',
)
/** The same where JSON stands inside of a text of JSON: `\"password\":\"a\"`. */
const escaped = new RegExp(`(${words}\\\\+["']\\s*:\\s*\\\\+["'])(?:\\\\{2,}[\\s\\S]|[^"'\\\\])*`, 'gi')
/** `X-Auth-Token: a`, to the line's end. */
const header = /((?:-token|authorization|cookie):[ \t]*)("[^"]*"?|'[^']*'?|[^\s"'][^\r\n,]*)/gi
/** A line of YAML, as a parser shows it that stumbles there. */
const line = new RegExp(`(^[ \\t]*(?:- )?[\\w-]*${words}:[ \\t]+)[^\\s"'].*$`, 'gim')
const bearer = /(bearer\s+)[\w.~+/-]{20,}=*/gi
/** Version 0x80 and the high bytes of the time. */
const fernet = /gAAAAA[\w-]{60,}=*/g
const jws = /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+/g
/** Up to the last @ before the path: a password may hold one that nobody encoded. Not where a message tells the form. */
const address = /(:\/\/[^\s:/@?#]*):(?!PASSWORD@)[^\s/?#]+@/g
const privateKey = /-----BEGIN[^-]*PRIVATE KEY-----[\s\S]*/g

/** Of a secret that neither a colon nor an equals sign leads to: a bearer's token. */
const shortestBare = 27

/** The same text with each secret in it replaced. */
export function withoutSecrets(text: string): string {
  const colon = text.includes(':')
  const equals = text.includes('=')
  // Most texts: ids, names, states.
  if (!colon && !equals && text.length < shortestBare) return text
  let shown = text
  if (shown.includes('gAAAAA')) shown = shown.replace(fernet, censor)
  if (shown.includes('eyJ')) shown = shown.replace(jws, censor)
  if (colon && shown.includes('://')) shown = shown.replace(address, `$1:${censor}@`)
  if (shown.includes('PRIVATE KEY')) shown = shown.replace(privateKey, censor)
  if ((colon || equals) && anyWord.test(shown)) {
    if (equals) shown = shown.replace(assigned, `$1${censor}`)
    if (colon) {
      for (const pattern of [quoted, header, line]) shown = shown.replace(pattern, `$1${censor}`)
      if (shown.includes('\\')) shown = shown.replace(escaped, `$1${censor}`)
    }
  }
  return shown.includes('earer ') ? shown.replace(bearer, `$1${censor}`) : shown
}
