// Lists as identity answers them: all at once with their own link, filtered by exact attributes and by name__contains and its like.
import type { Query } from '#kit/http/route.ts'

type Comparator = (value: string, wanted: string) => boolean
const comparators: Record<string, Comparator> = {
  contains: (value, wanted) => value.includes(wanted),
  startswith: (value, wanted) => value.startsWith(wanted),
  endswith: (value, wanted) => value.endsWith(wanted),
}

/**
 * `names` are the attributes that may be filtered by comparison; exact ones are the store's. Comparing here costs no
 * query: the protocol has no pages, so all rows are read anyway.
 */
export function listing(
  context: { origin: string },
  path: string,
  query: Query,
  collection: string,
  views: readonly Record<string, unknown>[],
  names: readonly string[] = [],
): Record<string, unknown> {
  const kept = compare(views, query, names)
  const self = `${context.origin}/v3${path}${searchOf(query)}`
  return { [collection]: kept, links: { next: null, self, previous: null } }
}

function compare(
  views: readonly Record<string, unknown>[],
  query: Query,
  names: readonly string[],
): readonly Record<string, unknown>[] {
  let kept = views
  for (const argument of query.names()) {
    const match = /^(.+)__(i?)(contains|startswith|endswith)$/.exec(argument)
    const attribute = match?.[1]
    if (!match || !attribute || !names.includes(attribute)) continue
    const fold = match[2] ? (text: string) => text.toLowerCase() : (text: string) => text
    const holds = comparators[match[3]!]!
    const wanted = fold(query.get(argument) ?? '')
    kept = kept.filter((view) => {
      const value = view[attribute]
      return typeof value === 'string' && holds(fold(value), wanted)
    })
  }
  return kept
}

/** A flag in a query: only 0 and the words for no mean no; its mere presence means yes. Undefined where it is absent. */
export function truth(query: Query, name: string): boolean | undefined {
  const given = query.get(name)
  return given === undefined ? undefined : !/^(0|false|no|off|f|n)$/i.test(given)
}

function searchOf(query: Query): string {
  const search = new URLSearchParams()
  for (const name of query.names()) for (const value of query.all(name)) search.append(name, value)
  const text = search.toString()
  return text && `?${text}`
}
