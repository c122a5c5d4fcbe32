// Query strings as OpenStack reads them: repeated arguments keep all values, and the last one counts where one is wanted.
import type { Query } from './route.ts'

const none: Query = { get: () => undefined, all: () => [], names: () => [], has: () => false }

export function queryOf(url: string): Query {
  const mark = url.indexOf('?')
  if (mark < 0 || mark === url.length - 1) return none
  const search = new URLSearchParams(url.slice(mark + 1))
  return {
    get: (name) => search.getAll(name).at(-1),
    all: (name) => search.getAll(name),
    names: () => [...new Set(search.keys())],
    has: (name) => search.has(name),
  }
}

/** 'true', '1', 'yes', 'on', 't', 'y' in any case, as oslo's strutils reads them. */
export function isTrue(text: string | undefined): boolean {
  return text !== undefined && /^(true|1|yes|on|t|y)$/i.test(text)
}
