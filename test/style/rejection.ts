// Refusals that a test expects are awaited before anything else is: a promise that is rejected while the test waits for
// another one has no one who takes it, and fails the whole run, by chance.
import { codeOf, isTest, type Source } from './source.ts'

export function checkRejections(sources: readonly Source[]): string[] {
  return sources
    .filter(
      ({ path, text }) => /\)\.rejects\b/.test(text) && (isTest(path) || path.endsWith('/conformance.ts')),
    )
    .flatMap(({ path, text }) => {
      const lines = codeOf(text).split('\n')
      return lines.flatMap((line, at) => {
        const name = /^\s*await expect\((\w+)\)\.rejects\b/.exec(line)?.[1]
        if (name === undefined || !mayComeTooLate(lines, at, name)) return []
        return [
          `${path}:${at + 1}: '${name}' may be rejected while something else is awaited: await it at once, or start with ${name} = expect(…).rejects`,
        ]
      })
    })
}

/** Told by the lines between, as the formatter indents them: those of the same block alone wait here. */
function mayComeTooLate(lines: readonly string[], at: number, name: string): boolean {
  const start = lines.findLastIndex(
    (line, index) =>
      index < at && new RegExp(`\\b(const|let|of) ${name}\\b|\\bfor \\(const ${name} of`).test(line),
  )
  if (start < 0) return false
  const opening = lines[start]!
  // All of a list have been started before the first is awaited.
  if (/\bfor \(const \w+ of \[/.test(opening)) return /\w\(/.test(opening.slice(opening.indexOf('[')))
  const block = indentOf(opening)
  const between = lines.slice(start + 1, at).filter((line) => line.trim() !== '')
  // That one was of another block, which has ended.
  if (between.some((line) => indentOf(line) < block)) return false
  return between.some((line) => indentOf(line) === block && /\bawait\b/.test(line))
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length
}
