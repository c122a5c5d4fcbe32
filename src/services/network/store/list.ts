// The SQL of lists: filters on a table, sorted, from after a marker on.
import type { Db } from '#kit/db/database.ts'
import type { AnyTable } from '#kit/db/table.ts'

// Kysely's builder of expressions; the columns are named by the declarations of a resource, not by types.
// biome-ignore lint/suspicious/noExplicitAny: see above
type On = any
export type Condition = (on: On) => unknown
export type Order = readonly [column: string, direction: 'asc' | 'desc']

export type ListQuery = {
  conditions: readonly Condition[]
  /** Ends in the id. */
  order: readonly Order[]
  limit?: number
  /** The row after which the page begins. */
  after?: Record<string, unknown>
}

export function listRows<R>(db: Db, table: AnyTable, query: ListQuery): Promise<R[]> {
  const conditions = query.after
    ? [...query.conditions, afterRow(query.order, query.after)]
    : query.conditions
  const options = { orderBy: query.order, limit: query.limit }
  if (conditions.length === 0) return table.find(db, {}, options) as Promise<R[]>
  return table.find(
    db,
    // biome-ignore lint/suspicious/noExplicitAny: the columns are named by the declarations
    (q: any) => conditions.reduce((narrowed, one) => narrowed.where((on: On) => one(on)), q),
    options,
  ) as Promise<R[]>
}

/** Rows that come after the marker's in the order; null is the least value. */
function afterRow(order: readonly Order[], row: Record<string, unknown>): Condition {
  return (on) => {
    const ways: unknown[] = []
    const equal: unknown[] = []
    for (const [column, direction] of order) {
      const value = row[column]
      const beyond =
        direction === 'asc'
          ? value === null
            ? on(column, 'is not', null)
            : on(column, '>', value)
          : value === null
            ? on.lit(false)
            : on.or([on(column, '<', value), on(column, 'is', null)])
      ways.push(on.and([...equal, beyond]))
      equal.push(value === null ? on(column, 'is', null) : on(column, '=', value))
    }
    return on.or(ways)
  }
}

export const oneOf =
  (column: string, values: readonly unknown[]): Condition =>
  (on) =>
    values.length === 0 ? on.lit(false) : on(column, 'in', values)

/**
 * Rows whose JSON list of tags has this one: an element stands in quotation marks, and its own are escaped. `replace`
 * is the one search for a plain text that all databases have.
 */
export const hasTag =
  (tag: string): Condition =>
  (on) =>
    on(on.fn('replace', [on.ref('tags'), on.val(JSON.stringify(tag)), on.val('')]), '!=', on.ref('tags'))
export const anyOf =
  (conditions: readonly Condition[]): Condition =>
  (on) =>
    on.or(conditions.map((each) => each(on)))
export const allOf =
  (conditions: readonly Condition[]): Condition =>
  (on) =>
    on.and(conditions.map((each) => each(on)))
export const noneOf =
  (condition: Condition): Condition =>
  (on) =>
    on.not(condition(on))
