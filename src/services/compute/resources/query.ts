// Query arguments of compute: what a call knows is checked, and from some version on nothing else is allowed.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Page } from '#kit/http/page.ts'
import type { Query } from '#kit/http/route.ts'
import type { Version } from '#kit/http/version.ts'
import { version } from '#kit/http/version.ts'

/** Throws where the caller's version is at least `strictSince` and an argument is none of `known`. */
export function checkQuery(
  query: Query,
  known: ReadonlySet<string>,
  at: Version | undefined,
  strictSince = '2.75',
): void {
  if (at === undefined || at < version(strictSince)) return
  const unknown = query.names().filter((name) => !known.has(name))
  if (unknown.length === 0) return
  const list = unknown.map((name) => `'${name}'`).join(', ')
  throw new CloudError(
    'badRequest',
    `Additional properties are not allowed (${list} ${unknown.length > 1 ? 'were' : 'was'} unexpected)`,
  )
}

export const paging = ['limit', 'marker'] as const

/** limit=0 asks for an empty page, as in Nova; its server groups alone take it for no limit. */
export function pageOf(query: Query, most: number): Page {
  const given = query.get('limit')
  if (given !== undefined && !/^\d+$/.test(given))
    throw new CloudError(
      'badRequest',
      `Invalid input for query parameters limit. Value: ${given}. '${given}' does not match '^[0-9]*$'`,
    )
  const limit = given === undefined ? most : Math.min(Number(given), most)
  return { limit, marker: query.get('marker') }
}

/** Milliseconds of an ISO 8601 time; none given is undefined. Without a zone it is UTC. */
export function timeOf(query: Query, name: string): number | undefined {
  const given = query.get(name)
  if (given === undefined) return undefined
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(given) ? given : `${given}Z`
  const ms = /^\d{4}-\d\d-\d\d/.test(given)
    ? Date.parse(zoned.replace(/^(\d{4}-\d\d-\d\d)Z$/, '$1'))
    : Number.NaN
  if (!Number.isFinite(ms))
    throw new CloudError(
      'badRequest',
      `Invalid input for query parameters ${name}. Value: ${given}. '${given}' is not a 'date-time'`,
    )
  return ms
}
