// What the tables of identity share.
import type { Bench, Guard, Guards, Maker } from './bench.ts'

export type { Bench, Guard, Guards, Maker }

export const of = (rule: string, more: Partial<Guard> = {}): Guard => ({ rule: `identity:${rule}`, ...more })

/** List, create, show, change and delete. */
export function five(
  path: string,
  one: string,
  many: string,
  body: (bench: Bench) => Record<string, unknown>,
): Guards {
  const wrap = (bench: Bench) => ({ [one]: body(bench) })
  const change = (bench: Bench) => ({ [one]: { description: bench.name() } })
  return {
    [`GET /${path}`]: of(`list_${many}`),
    [`POST /${path}`]: of(`create_${one}`, { body: wrap }),
    [`GET /${path}/:${one}_id`]: of(`get_${one}`),
    [`PATCH /${path}/:${one}_id`]: of(`update_${one}`, { body: change }),
    [`DELETE /${path}/:${one}_id`]: of(`delete_${one}`),
  }
}
