// SQL text for the plain forms: equality, null, lists and bounds. Text is built once for each form and kept with its key;
// values go along separately, so the hot path is a map look-up and a prepared statement.
import { type Column, encodeValue } from './column.ts'
import type { SqlValue } from './database.ts'
import { type Dialect, quote } from './dialects.ts'
import { columnOf, type Shape } from './shape.ts'

export type FindOptions<Name extends string = string> = {
  orderBy?: readonly (readonly [Name, 'asc' | 'desc'])[]
  limit?: number
  offset?: number
}

type Condition = {
  readonly name: string
  readonly form: 'equal' | 'null' | 'in' | 'inOrNull' | 'atMost' | 'above' | 'never'
  readonly count: number
}

/** A where clause: `key` names its form, `values` are bound to it. */
export type Conditions = {
  readonly key: string
  readonly list: readonly Condition[]
  readonly values: readonly SqlValue[]
}

export function readConditions(shape: Shape, where: Record<string, unknown>): Conditions {
  const list: Condition[] = []
  const values: SqlValue[] = []
  let key = ''
  for (const name in where) {
    const wanted = where[name]
    const { column } = columnOf(shape, name)
    // A forgotten value would otherwise widen a delete to the whole table.
    if (wanted === undefined) throw new TypeError(`${shape.name}.${name} is undefined in a condition`)
    if (column.kind === 'json') throw new TypeError(`${shape.name}.${name} is JSON and can't be a condition`)
    let condition: Condition
    if (wanted === null) condition = { name, form: 'null', count: 0 }
    else if (Array.isArray(wanted)) {
      const some = wanted.filter((each) => each !== null && mayBeHeld(column, each))
      const padded = pad(some)
      const withNull = wanted.includes(null)
      const form = padded.length === 0 ? (withNull ? 'null' : 'never') : withNull ? 'inOrNull' : 'in'
      condition = { name, form, count: padded.length }
      for (const each of padded) values.push(encodeValue(column, each, `${shape.name}.${name}`))
    } else if (typeof wanted === 'object') {
      const [form, bound] = rangeOf(wanted)
      condition = { name, form, count: 1 }
      values.push(encodeValue(column, bound, `${shape.name}.${name}`))
    } else if (!mayBeHeld(column, wanted)) condition = { name, form: 'never', count: 0 }
    else {
      condition = { name, form: 'equal', count: 1 }
      values.push(encodeValue(column, wanted, `${shape.name}.${name}`))
    }
    list.push(condition)
    key += `${name} ${condition.form}${condition.count},`
  }
  return { key, list, values }
}

/** Everything on one side of a bound. */
export type Range<T> = { readonly atMost: T } | { readonly above: T }

function rangeOf(wanted: object): ['atMost' | 'above', unknown] {
  return 'atMost' in wanted ? ['atMost', wanted.atMost] : ['above', (wanted as { above: unknown }).above]
}

/**
 * Text that no row can hold matches nothing: ids and names in requests are of any length, and PostgreSQL refuses NUL
 * even in a condition.
 */
function mayBeHeld({ length }: Column, value: unknown): boolean {
  if (typeof value !== 'string') return true
  return (
    !value.includes('\0') && (length === undefined || value.length <= length || [...value].length <= length)
  )
}

/** Lists are padded to a power of two with their last value, so that few forms cover all lengths. */
function pad(list: readonly unknown[]): readonly unknown[] {
  if (list.length < 2) return list
  const length = 2 ** Math.ceil(Math.log2(list.length))
  return length > maxBound ? list : [...list, ...Array(length - list.length).fill(list.at(-1))]
}

/** SQLite binds up to 32766 values, PostgreSQL up to 65535. */
export const maxBound = 32_000

/** Gathers text and gives out placeholders in order. */
type Writer = { place(): string }
export function writer(dialect: Dialect, first = 1): Writer {
  let position = first
  return { place: () => dialect.placeholder(position++) }
}

export function whereText(shape: Shape, conditions: readonly Condition[], out: Writer): string {
  if (conditions.length === 0) return ''
  const parts = conditions.map(({ name, form, count }) => {
    const column = quote(columnOf(shape, name).databaseName)
    const places = () => Array.from({ length: count }, () => out.place()).join(', ')
    switch (form) {
      case 'equal':
        return `${column} = ${out.place()}`
      case 'atMost':
        return `${column} <= ${out.place()}`
      case 'above':
        return `${column} > ${out.place()}`
      case 'null':
        return `${column} is null`
      case 'in':
        return `${column} in (${places()})`
      case 'inOrNull':
        return `(${column} in (${places()}) or ${column} is null)`
      default:
        return '1 = 0'
    }
  })
  return ` where ${parts.join(' and ')}`
}

export function columnList(shape: Shape): string {
  return shape.list.map((each) => quote(each.databaseName)).join(', ')
}

export function tailKey(options: FindOptions): string {
  const order = options.orderBy?.map(([name, way]) => `${name} ${way}`).join() ?? ''
  return `${order}/${options.limit === undefined ? '' : 'l'}${options.offset ? 'o' : ''}`
}

/** ORDER BY, LIMIT and OFFSET, with null as the least value on every dialect. */
export function tailText(shape: Shape, options: FindOptions, dialect: Dialect, out: Writer): string {
  let text = ''
  if (options.orderBy?.length)
    text += ` order by ${options.orderBy
      .map(([name, way]) => {
        const { databaseName, column } = columnOf(shape, name)
        if (way !== 'asc' && way !== 'desc') throw new TypeError(`Order is asc or desc, not ${way}`)
        return `${quote(databaseName)} ${way}${column.nullable ? dialect.nullOrder[way] : ''}`
      })
      .join(', ')}`
  if (options.limit !== undefined || options.offset) text += ` limit ${out.place()}`
  if (options.offset) text += ` offset ${out.place()}`
  return text
}

/** An offset alone needs a limit on two of the dialects. */
export function tailValues(options: FindOptions): SqlValue[] {
  const values: SqlValue[] = []
  if (options.limit !== undefined || options.offset) values.push(options.limit ?? Number.MAX_SAFE_INTEGER)
  if (options.offset) values.push(options.offset)
  return values
}

/** `names` are the database's, here and in the next. */
export function insertText(shape: Shape, names: readonly string[], rows: number, dialect: Dialect): string {
  const out = writer(dialect)
  const row = () => `(${names.map(() => out.place()).join(', ')})`
  const values = Array.from({ length: rows }, row).join(', ')
  return `into ${quote(shape.name)} (${names.map(quote).join(', ')}) values ${values}`
}

export function updateText(
  shape: Shape,
  names: readonly string[],
  list: readonly Condition[],
  dialect: Dialect,
): string {
  const out = writer(dialect)
  const set = names.map((name) => `${quote(name)} = ${out.place()}`).join(', ')
  return `update ${quote(shape.name)} set ${set}${whereText(shape, list, out)}`
}
