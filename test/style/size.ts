// How long a file may be.
import type { Source } from './source.ts'

const maxLines = 600

/** Long because they are tables, which nobody reads from end to end; a file here still opens with what it is. */
export const tables: readonly string[] = []

export function checkSizes(sources: readonly Source[], exempt: readonly string[]): string[] {
  return sources
    .filter((source) => !exempt.includes(source.path))
    .map((source) => ({ path: source.path, lines: source.text.trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > maxLines)
    .map(({ path, lines }) => `${path} has ${lines} lines, more than ${maxLines}: split it`)
}
