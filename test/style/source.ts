// The repository's own TypeScript as text, for the tests that read it.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Source = {
  /** From the repository's root: 'src/kit/log/log.ts'. */
  path: string
  text: string
}

const root = join(import.meta.dirname, '../..')

/** All .ts files below the given folders; a folder that is not there yet has none. */
export function readSources(...folders: string[]): Source[] {
  return folders.flatMap((folder) => {
    const entries = readdirSync(root, { withFileTypes: true }).some((entry) => entry.name === folder)
      ? readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      : []
    return entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !path.includes('/node_modules/'))
      .sort()
      .map((path) => ({ path: path.slice(root.length + 1), text: readFileSync(path, 'utf8') }))
  })
}

export function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.startsWith('test/') || /\/test-[^/]*\.ts$/.test(path)
}

/** The code alone: what stands in comments, text and regular expressions becomes blanks, line by line as before. */
export function codeOf(text: string): string {
  const out: string[] = []
  // One entry per template literal that we are inside of: how many braces its ${} has open.
  const templates: number[] = []
  let at = 0
  const blank = (end: number) => {
    out.push(text.slice(at, end).replace(/[^\n]/g, ' '))
    at = end
  }
  const keep = (end: number) => {
    out.push(text.slice(at, end))
    at = end
  }
  const templateText = () => {
    const match = /`|\$\{/g
    let from = at
    for (;;) {
      match.lastIndex = from
      const found = match.exec(text)
      if (!found) return blank(text.length)
      if (isEscaped(text, found.index)) {
        from = found.index + 1
        continue
      }
      blank(found.index)
      keep(found.index + found[0].length)
      if (found[0] === '`') templates.pop()
      return
    }
  }
  while (at < text.length) {
    const char = text[at]!
    if (text.startsWith('//', at)) blank(endOf(text, '\n', at))
    else if (text.startsWith('/*', at)) blank(endOf(text, '*/', at + 2) + 2)
    else if (char === "'" || char === '"') {
      keep(at + 1)
      blank(endOfQuoted(text, char, at))
      keep(at + 1)
    } else if (char === '`') {
      keep(at + 1)
      templates.push(0)
      templateText()
    } else if (char === '/' && startsRegex(out)) {
      keep(at + 1)
      blank(endOfRegex(text, at))
    } else {
      const depth = templates.length - 1
      if (char === '{' && depth >= 0) templates[depth]!++
      if (char === '}' && depth >= 0 && templates[depth]!-- === 0) {
        templates[depth] = 0
        keep(at + 1)
        templateText()
      } else keep(at + 1)
    }
  }
  return out.join('')
}

function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from)
  return found < 0 ? text.length : found
}

function endOfQuoted(text: string, quote: string, from: number): number {
  let end = from
  while (end < text.length && text[end] !== quote && text[end] !== '\n') end += text[end] === '\\' ? 2 : 1
  return Math.min(end, text.length)
}

function endOfRegex(text: string, from: number): number {
  let inClass = false
  let end = from
  for (; end < text.length && text[end] !== '\n'; end++) {
    if (text[end] === '\\') end++
    else if (text[end] === '[') inClass = true
    else if (text[end] === ']') inClass = false
    else if (text[end] === '/' && !inClass) break
  }
  return end
}

function isEscaped(text: string, index: number): boolean {
  let backslashes = 0
  while (text[index - 1 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 1
}

/** A slash divides after a value and starts a regular expression elsewhere. */
function startsRegex(before: readonly string[]): boolean {
  const line = before.slice(-200).join('').trimEnd()
  return line === '' || /[(,=:[!&|?{};+<>~^%*-]$|\b(return|typeof|case|in|of|void|yield|await)$/.test(line)
}

export type Import = {
  to: string
  line: number
  typeOnly: boolean
  /** What stands between the braces, types left out. */
  names: string[]
}

/** Static and dynamic imports and re-exports; `to` as written. */
export function importsOf(source: Source): Import[] {
  const code = codeOf(source.text)
  const statements =
    /^(import|export)\b(?:\s+(type)\b(?!\s*(?:,|from\b)))?[^'"`;=]*?\bfrom\s+['"]|^(import)\s+['"]|\b(import)\(\s*['"]/gm
  return [...code.matchAll(statements)].map((match) => {
    // Names were blanked with all other text: the original has them at the same place.
    const start = match.index + match[0].length
    const to = /^[^'"]*/.exec(source.text.slice(start))![0]
    const line = code.slice(0, match.index).split('\n').length
    const braces = /\{([^}]*)\}/.exec(match[0])?.[1] ?? ''
    const names = braces.split(',').map((name) => name.trim())
    return {
      to,
      line,
      typeOnly: match[2] === 'type',
      names: names.filter((name) => name !== '' && !name.startsWith('type ')),
    }
  })
}
