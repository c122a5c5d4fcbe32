// YAML text read into plain values, with the place of each in the file, so that a complaint can point at a line.
// The one home of the `yaml` library; YAML 1.2, so that `on` and `no` stay words.
import { isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument, stringify } from 'yaml'
import { CloudError } from '../errors/cloud-error.ts'

export type Place = { line: number; column: number }

export type YamlText = {
  /** Maps, arrays, text, numbers, booleans and null; undefined where the text is empty. */
  readonly value: unknown
  /** Where the key at this path stands, or its nearest parent that is there; line and column from 1. */
  place(path: readonly (string | number)[]): Place
}

/** Throws kind 'badRequest' with each syntax error and its place. `name` is what messages call the text. */
export function parseYaml(text: string, name: string): YamlText {
  const lineCounter = new LineCounter()
  // An alias may be repeated, but not until a few lines fill the memory.
  const document = parseDocument(text, { lineCounter, prettyErrors: false })
  const at = (offset: number): Place => {
    const { line, col } = lineCounter.linePos(offset)
    return { line, column: col }
  }
  if (document.errors.length > 0) {
    const lines = document.errors.map((error) => {
      const { line, column } = at(error.pos[0])
      return `${name}:${line}:${column}: ${error.message}`
    })
    throw new CloudError('badRequest', lines.join('\n'))
  }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 100 }) ?? undefined
  } catch (error) {
    throw new CloudError('badRequest', `${name}: cannot be read as YAML`, { cause: error })
  }
  return {
    value,
    place(path) {
      let node: unknown = document.contents
      let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0
      for (const part of path) {
        const found = step(node, part)
        if (!found) break
        offset = found.offset
        node = found.value
      }
      return at(offset)
    },
  }
}

export function formatYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0 })
}

/**
 * The same text with the sections' keys that it lacks; what is there, comments among it, stays. Throws kind 'badRequest'
 * for what cannot be read, and where a section is no map.
 */
export function completeYaml(
  text: string,
  name: string,
  sections: Record<string, Record<string, unknown>>,
): string {
  parseYaml(text, name)
  const document = parseDocument(text)
  for (const [section, keys] of Object.entries(sections)) {
    const there = document.get(section)
    if (there == null) document.set(section, document.createNode({}))
    else if (!isMap(there)) throw new CloudError('badRequest', `${name}: '${section}' must be a map`)
    for (const [key, value] of Object.entries(keys)) {
      if (!document.hasIn([section, key])) document.setIn([section, key], value)
    }
  }
  return document.toString({ lineWidth: 0 })
}

function step(node: unknown, part: string | number): { offset: number; value: unknown } | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part))
    const key = pair?.key as Node | undefined
    return pair && { offset: key?.range?.[0] ?? 0, value: pair.value }
  }
  if (isSeq(node)) {
    const item = node.items[Number(part)]
    return isNode(item) ? { offset: item.range?.[0] ?? 0, value: item } : undefined
  }
  return undefined
}
