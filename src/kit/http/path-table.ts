// Which of a service's paths a request means. A service has more than a thousand of them with all their methods, and a
// cloud is started often: entering one costs a microsecond, where a general router compiles code for each.

export type PathTable<T> = {
  /** `path` as '/servers/:id' or '/files/*', the star last; a path that is there already gets its other methods by it. */
  add(method: string, path: string, value: T): void
  /** `url` as it came, query and all. A slash at the end counts for nothing. */
  find(method: string, url: string): Found<T> | undefined
}

export type Found<T> = {
  value: T
  /** Decoded; what stands for a star by the name '*'. */
  params: Record<string, string>
}

/** Longer than any name or id that means something. */
const maxParamLength = 4_096

type Leaf<T> = Map<string, { value: T; names: readonly string[] }>
type Node<T> = {
  fixed: Map<string, Node<T>>
  any: Node<T> | undefined
  /** What ends here. */
  here: Leaf<T>
  /** What takes all that follows. */
  rest: Leaf<T>
}

const emptyNode = <T>(): Node<T> => ({ fixed: new Map(), any: undefined, here: new Map(), rest: new Map() })

export function pathTable<T>(): PathTable<T> {
  const root = emptyNode<T>()
  return {
    add(method, path, value) {
      const names: string[] = []
      let node = root
      let leaf: Leaf<T> | undefined
      for (const segment of segmentsOf(path)) {
        if (segment === '*') {
          names.push('*')
          leaf = node.rest
        } else if (segment.startsWith(':')) {
          names.push(segment.slice(1))
          node.any ??= emptyNode()
          node = node.any
        } else {
          const next: Node<T> = node.fixed.get(segment) ?? emptyNode()
          node.fixed.set(segment, next)
          node = next
        }
      }
      ;(leaf ?? node.here).set(method, { value, names })
    },
    find(method, url) {
      const segments = decoded(pathOf(url))
      if (!segments) return undefined
      const values: string[] = []
      const end = walk(root, method, segments, 0, values)
      if (!end) return undefined
      const params: Record<string, string> = {}
      for (const [index, name] of end.names.entries()) params[name] = values[index]!
      return { value: end.value, params }
    },
  }
}

/** What is written out goes before what is a parameter, and that before a star; each where the method is there, too. */
function walk<T>(
  node: Node<T>,
  method: string,
  segments: readonly string[],
  at: number,
  values: string[],
): { value: T; names: readonly string[] } | undefined {
  if (at === segments.length) {
    const found = node.here.get(method)
    if (found) return found
  } else {
    const segment = segments[at]!
    const next = node.fixed.get(segment)
    const found = next && walk(next, method, segments, at + 1, values)
    if (found) return found
    if (node.any && segment.length <= maxParamLength) {
      values.push(segment)
      const found = walk(node.any, method, segments, at + 1, values)
      if (found) return found
      values.pop()
    }
  }
  const rest = node.rest.get(method)
  if (rest) values.push(segments.slice(at).join('/'))
  return rest
}

/** Without origin (RFC 9112, 3.2.2, allows one) and query. */
function pathOf(url: string): string {
  const path = url.startsWith('/') ? url : (/^https?:\/\/[^/?#]*([^?#]*)/i.exec(url)?.[1] ?? '')
  const end = path.search(/[?#]/)
  return end < 0 ? path : path.slice(0, end)
}

/** '/' and '' have none. */
function segmentsOf(path: string): string[] {
  const trimmed = path.endsWith('/') ? path.slice(0, -1) : path
  return trimmed === '' ? [] : trimmed.slice(1).split('/')
}

/** Undefined where an escape is none. */
function decoded(path: string): string[] | undefined {
  const segments = segmentsOf(path)
  if (!path.includes('%')) return segments
  try {
    return segments.map(decodeURIComponent)
  } catch {
    return undefined
  }
}
