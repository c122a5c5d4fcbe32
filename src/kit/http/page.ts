// Paging by limit and marker, and the link to the next page.
import { CloudError } from '../errors/cloud-error.ts'
import type { Query } from './route.ts'

export type Page = { limit: number; marker: string | undefined }

/** Reads limit and marker; `most` is both the default and the cap. */
export function pageOf(query: Query, most: number): Page {
  const given = query.get('limit')
  if (given !== undefined && !/^\d+$/.test(given)) {
    throw new CloudError('badRequest', `limit must be a whole number that is not negative, and is '${given}'`)
  }
  const limit = given === undefined ? most : Math.min(Number(given), most)
  return { limit, marker: query.get('marker') }
}

/** The same request, from the start. */
export function firstUrl(base: string, query: Query): string {
  const first = withoutMarker(query)
  return first.size > 0 ? `${base}?${first}` : base
}

/** The same request, from after `marker` on. */
export function nextUrl(base: string, query: Query, marker: string, limit?: number): string {
  const next = withoutMarker(query)
  if (limit !== undefined && !next.has('limit')) next.set('limit', String(limit))
  next.set('marker', marker)
  return `${base}?${next}`
}

function withoutMarker(query: Query): URLSearchParams {
  const rest = new URLSearchParams()
  for (const name of query.names()) {
    if (name !== 'marker') for (const value of query.all(name)) rest.append(name, value)
  }
  return rest
}
