// Lists as identity answers them: all at once or by limit and marker, with links to themselves and to the next page,
// filtered by exact attributes and by name__contains and its like.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { nextUrl } from '#kit/http/page.ts'
import type { Query } from '#kit/http/route.ts'

type Comparator = (value: string, wanted: string) => boolean
const comparators: Record<string, Comparator> = {
  contains: (value, wanted) => value.includes(wanted),
  startswith: (value, wanted) => value.startsWith(wanted),
  endswith: (value, wanted) => value.endsWith(wanted),
}

type Views = readonly Record<string, unknown>[]
type Asked = { origin: string; app: { config: { listLimit?: number } } }

/**
 * `names` are the attributes that may be filtered by comparison; exact ones are the store's. Comparing and cutting here
 * costs no query: a list without `limit` has no pages, so all rows are read anyway. Throws 'badRequest' for a marker
 * that is not in the list and for a limit that is no number.
 */
export function listing(
  context: Asked,
  path: string,
  query: Query,
  collection: string,
  views: Views,
  names: readonly string[] = [],
  most = context.app.config.listLimit,
): Record<string, unknown> {
  const base = `${context.origin}/v3${path}`
  const kept = sorted(compare(views, query, names), query)
  // What has no ids has no place from which a next page could go on.
  const paged = kept.every((view) => typeof view.id === 'string')
  const { rows, next, truncated } = paged ? pageOf(kept, query, most) : cut(kept)
  return {
    [collection]: rows,
    links: {
      next: next === undefined ? null : nextUrl(base, query, next),
      self: `${base}${searchOf(query)}`,
      previous: null,
    },
    ...(truncated && { truncated }),
  }
}

type Cut = { rows: Views; next?: string; truncated?: true }
const cut = (rows: Views): Cut => ({ rows })

/** Who asks for pages gets a link to the next one; who doesn't, and meets the configured end, is told that it is one. */
function pageOf(all: Views, query: Query, most: number | undefined): Cut {
  const marker = query.get('marker')
  const after = marker === undefined ? -1 : all.findIndex((view) => view.id === marker)
  if (marker !== undefined && after < 0)
    throw new CloudError('badRequest', `The marker ${marker} is not in the list.`)
  const asked = limitOf(query)
  const limit = Math.min(asked ?? Number.POSITIVE_INFINITY, most ?? Number.POSITIVE_INFINITY)
  const rows = all.slice(after + 1)
  if (rows.length <= limit) return { rows }
  const page = rows.slice(0, limit)
  return asked === undefined ? { rows: page, truncated: true } : { rows: page, next: String(page.at(-1)!.id) }
}

/** 0 is no limit, as an absent one is. */
function limitOf(query: Query): number | undefined {
  const given = query.get('limit')
  if (given === undefined) return undefined
  if (!/^\d{1,9}$/.test(given)) throw new CloudError('badRequest', `The limit ${given} is no whole number.`)
  return Number(given) || undefined
}

/** By one attribute of the views, where the query names it; otherwise in the order of their making. */
function sorted(views: Views, query: Query): Views {
  const key = query.get('sort_key')
  if (key === undefined) return views
  const direction = query.get('sort_dir') ?? 'asc'
  if (direction !== 'asc' && direction !== 'desc')
    throw new CloudError('badRequest', `The sort_dir ${direction} is neither asc nor desc.`)
  const sign = direction === 'asc' ? 1 : -1
  const word = (view: Record<string, unknown>) => String(view[key] ?? '')
  return [...views].sort((a, b) => (word(a) < word(b) ? -sign : word(a) > word(b) ? sign : 0))
}

function compare(views: Views, query: Query, names: readonly string[]): Views {
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
