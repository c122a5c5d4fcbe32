// Regular expressions of permissions and policies: written for RabbitMQ's engine (PCRE), run by JavaScript's.
// What can't be carried over faithfully is refused, so that a pattern never allows more here than there.

import * as v8 from 'node:v8'
import type { Matcher } from '../core/policy.ts'

// A pattern such as (a+)+b would keep the broker busy for minutes over one name, and who may search a list may send one.
// After some thousand steps back V8 then goes over to its engine that takes no step back.
v8.setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')

/** Compiled once; remembers its last answer, because a publisher mostly asks for one name. */
export class Pattern {
  readonly text: string
  readonly #regex: Matcher
  #name: string | undefined
  #matched = false

  /** Throws SyntaxError. An empty text matches the empty name alone, as RabbitMQ has it for permissions. */
  constructor(text: string) {
    this.text = text
    this.#regex = compilePattern(text === '' ? '^$' : text)
  }

  matches(name: string): boolean {
    if (name !== this.#name) {
      this.#matched = this.#regex.test(name)
      this.#name = name
    }
    return this.#matched
  }
}

/** Throws SyntaxError. */
export function compilePattern(text: string): Matcher {
  const [, options = '', rest = text] = /^\(\?([ims]+)\)(.*)$/s.exec(text) ?? []
  const ignoresCase = options.includes('i')
  const translated = translate(ignoresCase ? inLowerCase(rest) : rest)
  const flags = [...new Set(options.replaceAll('i', ''))].join('')
  // Strict syntax refuses what would mean something else; but that engine is for the other syntax alone.
  const strict = new RegExp(translated, `u${flags}`)
  const regex = needsUnicode.test(translated) ? strict : new RegExp(translated, flags)
  // Nor does it know of ignoring case.
  return ignoresCase ? { test: (name) => regex.test(name.toLowerCase()) } : regex
}

function inLowerCase(text: string): string {
  const plain = text.replaceAll('[:upper:]', '[:lower:]')
  return plain.replace(/\\.|[^\\]/gsu, (each) => (each.startsWith('\\') ? each : each.toLowerCase()))
}

/** Means something else without the flag: characters beyond 16 bits. */
const needsUnicode = /[\u{10000}-\u{10ffff}]|\\u\{/u

const posixClasses: Record<string, string> = {
  alpha: 'a-zA-Z',
  digit: '0-9',
  alnum: 'a-zA-Z0-9',
  upper: 'A-Z',
  lower: 'a-z',
  xdigit: 'a-fA-F0-9',
  space: '\\s',
  word: '\\w',
  punct: '!-\\/:-@\\[-`\\{-~',
}
const anchors: Record<string, string> = { A: '^', z: '$', Z: '(?=\\n?$)' }

/** To JavaScript's strict Unicode syntax, which has no escapes of ordinary characters and no loose brackets. */
function translate(text: string): string {
  let out = ''
  let inClass = false
  for (let at = 0; at < text.length; ) {
    const char = text[at]!
    const rest = text.slice(at)
    const posix = inClass ? /^\[:(\w+):\]/.exec(rest) : null
    const repeat = inClass ? null : /^\{\d+(,\d*)?\}/.exec(rest)
    let taken = 1
    if (char === '\\') {
      const next = String.fromCodePoint(rest.codePointAt(1) ?? 0)
      taken = rest.length === 1 ? 1 : 1 + next.length
      if (taken === 1) out += '\\'
      else out += escaped(next, inClass)
    } else if (posix) {
      taken = posix[0].length
      const members = posixClasses[posix[1]!]
      if (members === undefined) throw new SyntaxError(`unknown POSIX class name ${posix[0]}`)
      out += members
    } else if (repeat) {
      taken = repeat[0].length
      out += repeat[0]
    } else if (inClass) {
      // A bracket that opens nothing is itself.
      out += char === '[' ? '\\[' : char
      if (char === ']') inClass = false
    } else if (char === '[') {
      inClass = true
      const first = /^\[\^?\]/.exec(rest)
      // A closing bracket in the first place belongs to the class.
      if (first) {
        taken = first[0].length
        out += `${first[0].slice(0, -1)}\\]`
      } else out += char
    } else out += char === ']' || char === '{' || char === '}' ? `\\${char}` : char
    at += taken
  }
  return out
}

function escaped(next: string, inClass: boolean): string {
  if (!inClass && anchors[next]) return anchors[next]
  if (/^[A-Za-z0-9^$\\.*+?()[\]{}|/]$/.test(next)) return `\\${next}`
  const code = next.codePointAt(0)!.toString(16)
  return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\u{${code}}`
}
