// Whether an answer has the shape that the API reference shows.

/** Method, path with `:` for each parameter and behind it which of several ways to call it, codes, shape of the answer. */
export type Call = readonly [method: string, path: string, codes: string, shape: string]

type Shape =
  | { kind: 's' | 'n' | 'b' | 'o' | '?' }
  | { kind: 'list'; of: Shape | undefined }
  | { kind: 'keys'; of: [key: string, shape: Shape][] }

/** What is amiss, with the path to it; undefined where nothing is. */
export function misfit(text: string, value: unknown): string | undefined {
  return text === '' ? undefined : differs(parseShape(text), value, '')
}

function differs(shape: Shape, value: unknown, at: string): string | undefined {
  const here = at || 'the answer'
  switch (shape.kind) {
    case '?':
      return undefined
    case 's':
      return value === null || typeof value === 'string' ? undefined : `${here} is no text`
    case 'n':
      return value === null || typeof value === 'number' ? undefined : `${here} is no number`
    case 'b':
      return typeof value === 'boolean' ? undefined : `${here} is no boolean`
    case 'o':
      return typeof value === 'object' && value !== null ? undefined : `${here} is no object`
    case 'list': {
      if (!Array.isArray(value)) return `${here} is no list`
      if (!shape.of) return undefined
      return value.length === 0 ? `${here} is empty` : differs(shape.of, value[0], `${at}[0]`)
    }
    case 'keys': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return `${here} is no object`
      const found = value as Record<string, unknown>
      for (const [key, inner] of shape.of) {
        const name = key === '*' ? Object.keys(found)[0] : key
        if (name === undefined) return `${here} is empty`
        if (!(name in found)) return `${at}.${name} is missing`
        const wrong = differs(inner, found[name], `${at}.${name}`)
        if (wrong) return wrong
      }
    }
  }
  return undefined
}

function parseShape(text: string): Shape {
  const words = text.match(/[{}[\]]|:[snbo?]?|[^\s{}[\]:]+/g) ?? []
  let at = 0
  const shape = (): Shape => {
    const word = words[at++]
    if (word === '[') {
      const of = words[at] === ']' ? undefined : shape()
      at++
      return { kind: 'list', of }
    }
    if (word === '{') {
      const of: [string, Shape][] = []
      while (words[at] !== '}') of.push(pair())
      at++
      return { kind: 'keys', of }
    }
    return { kind: word as 's' }
  }
  const pair = (): [string, Shape] => {
    const key = words[at++]!.replaceAll('~', ':')
    const mark = words[at]
    if (!mark?.startsWith(':')) return [key, { kind: 's' }]
    at++
    return [key, mark === ':' ? shape() : { kind: mark.slice(1) as 's' }]
  }
  return shape()
}
