// The lines of the sources in a stack trace of the bundle. They are looked up when a trace is told: Node's own support for
// source maps reads them with each start, and holds them.
import { existsSync, readFileSync } from 'node:fs'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** As in '    at f (file:///a/b/main.mjs:3:14)'. */
const place = /(file:\/\/)?(\/[^\s():]+\.m?js):(\d+):(\d+)/g

/** The same text, with the place in its source for each place in a file that has a map beside it. */
export function atSource(stack: string): string {
  if (!stack.includes('js:')) return stack
  const maps = new Map<string, SourceMap | undefined>()
  return stack.replace(
    place,
    (whole, scheme: string | undefined, file: string, line: string, column: string) => {
      const path = scheme ? fileURLToPath(scheme + file) : file
      if (!maps.has(path)) maps.set(path, readMap(path))
      const entry = maps.get(path)?.findEntry(Number(line) - 1, Number(column) - 1)
      if (!entry || !('originalSource' in entry)) return whole
      return `${join(dirname(path), entry.originalSource)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
    },
  )
}

function readMap(path: string): SourceMap | undefined {
  const file = `${path}.map`
  if (!existsSync(file)) return undefined
  return new SourceMap(JSON.parse(readFileSync(file, 'utf8')) as SourceMapPayload)
}
