// A table declared once: its row type, and typed reads and writes of it in camel case. Joins are written by hand with
// `db.sql`; `decode` turns their raw rows into ours.
import { type Column, type Columns, c, encodeValue, type NamedColumn } from './column.ts'
import type { Db, DialectName, Outcome, SqlValue } from './database.ts'
import { dialects, quote } from './dialects.ts'
import { compileFiltered, type Filter, queryInCamelCase } from './filter.ts'
import { columnOf, compileDecoders, type Shape, shapeOf } from './shape.ts'
import {
  columnList,
  type FindOptions,
  insertText,
  maxBound,
  readConditions,
  tailKey,
  tailText,
  tailValues,
  updateText,
  whereText,
  writer,
} from './statement.ts'

export type { Filter, FindOptions }
export { c }

type RowOfColumns<C extends Columns> = { [K in keyof C]: C[K] extends Column<infer T> ? T : never }
type OptionalName<C extends Columns> = {
  [K in keyof C]: C[K] extends { readonly kind: 'autoId' }
    ? K
    : C[K] extends Column<infer T>
      ? null extends T
        ? K
        : never
      : never
}[keyof C]

/** What an insert takes: nullable columns may be left out and are null then, as may the key that the database gives. */
export type NewRow<C extends Columns> = Omit<RowOfColumns<C>, OptionalName<C>> &
  Partial<Pick<RowOfColumns<C>, OptionalName<C>>>

/** Equality with each; null is IS NULL, a list is IN (an empty one matches nothing). An undefined value throws. */
export type Equal<R> = { readonly [K in keyof R]?: R[K] | readonly R[K][] }
export type Where<R> = Equal<R> | Filter<R>
type Key<R> = string | number | Partial<R>

export type TableOptions<Name extends string = string> = {
  /** By default the `autoId` column, or else the column `id`. */
  primaryKey?: readonly Name[]
  unique?: readonly (readonly Name[])[]
  index?: readonly (readonly Name[])[]
}

export type Table<C extends Columns = Columns, R = RowOfColumns<C>> = Shape & {
  /** For `typeof server.Row`; there is no value. */
  readonly Row: R
  /** By name in camel case, each with its `databaseName`. */
  readonly columns: { readonly [K in keyof C]: NamedColumn }
  insert(db: Db, rows: NewRow<C> | readonly NewRow<C>[]): Promise<void>
  /** False where a row with the same unique values was there: it is left alone. */
  insertIfAbsent(db: Db, row: NewRow<C>): Promise<boolean>
  /** For a table with an `autoId`: the key it got. */
  insertReturningId(db: Db, row: NewRow<C>): Promise<number>
  /** By primary key: its value, or an object where it has several columns. */
  get(db: Db, key: Key<R>): Promise<R | undefined>
  find(db: Db, where?: Where<R>, options?: FindOptions<keyof C & string>): Promise<R[]>
  first(db: Db, where?: Where<R>, options?: FindOptions<keyof C & string>): Promise<R | undefined>
  count(db: Db, where?: Where<R>): Promise<number>
  /** Rows matched, changed or not. What is undefined in `change` stays. */
  update(db: Db, where: Where<R>, change: Partial<R>): Promise<number>
  delete(db: Db, where: Where<R>): Promise<number>
  /** A raw row with this table's columns, by database name, as `db.sql` gives it. */
  decode(raw: Record<string, unknown>): R
  /** By database name, for `db.sql`. Undefined members are left out. */
  encode(row: Partial<R>): Record<string, SqlValue>
}

// biome-ignore lint/suspicious/noExplicitAny: any table, whatever its columns
export type AnyTable = Table<any, any>
export type RowOf<T extends AnyTable> = T['Row']

export function table<const C extends Columns>(
  name: string,
  columns: C,
  options: TableOptions<keyof C & string> = {},
): Table<C> {
  type R = RowOfColumns<C>
  const shape = shapeOf(name, columns, options)
  const { decode, decodeArray } = compileDecoders<R>(shape)
  const texts = new Map<string, string>()
  const textFor = (dialect: DialectName, key: string, build: () => string): string => {
    const full = `${dialect} ${key}`
    let text = texts.get(full)
    if (text === undefined) {
      text = build()
      // Forms are few; a caller that makes many (lists beyond the padding) must not fill the memory.
      if (texts.size > 2000) texts.clear()
      texts.set(full, text)
    }
    return text
  }
  const all = columnList(shape)
  const from = ` from ${quote(name)}`

  const boundValue = (row: Record<string, unknown>, each: NamedColumn): SqlValue => {
    const value = row[each.name]
    if (value === undefined) {
      if (each.column.nullable) return null
      throw new TypeError(`${name}.${each.name} is missing`)
    }
    return encodeValue(each.column, value, `${name}.${each.name}`)
  }
  const given = shape.list.filter((each) => each.column.kind !== 'autoId')
  const auto = shape.list.find((each) => each.column.kind === 'autoId')
  const insertSome = (
    db: Db,
    rows: readonly Record<string, unknown>[],
    ways: { ignore?: boolean; returning?: string } = {},
  ): Promise<Outcome> => {
    const dialect = dialects[db.dialect]
    const list = auto && rows[0]![auto.name] !== undefined ? shape.list : given
    const ignore = ways.ignore ? dialect.ignoreExisting : { before: '', after: '' }
    const build = () =>
      `insert${ignore.before} ${insertText(
        shape,
        list.map((each) => each.name),
        rows.length,
        dialect,
      )}${ignore.after}` + (ways.returning ? dialect.returning(ways.returning) : '')
    const text = textFor(
      db.dialect,
      `insert ${rows.length} ${list.length} ${ways.ignore} ${ways.returning}`,
      build,
    )
    for (const row of rows) for (const member in row) columnOf(shape, member)
    return db.execute(
      text,
      rows.flatMap((row) => list.map((each) => boundValue(row, each))),
    )
  }

  const select = (db: Db, what: string, where: Where<R>, options: FindOptions): Promise<Outcome> => {
    const dialect = dialects[db.dialect]
    if (typeof where === 'function') {
      const whole = queryInCamelCase(db.sql, shape).selectFrom(name)
      const { sql, parameters } = compileFiltered(
        where,
        what === all
          ? whole.select(shape.list.map((each) => each.databaseName))
          : whole.select((e) => e.fn.countAll().as('n')),
      )
      const text = sql + tailText(shape, options, dialect, writer(dialect, parameters.length + 1))
      return db.execute(text, [...parameters, ...tailValues(options)], 'arrays')
    }
    const { key, list, values } = readConditions(shape, where)
    const text = textFor(db.dialect, `${what === all ? '' : 'count'} ${key}${tailKey(options)}`, () => {
      const out = writer(dialect)
      return `select ${what}${from}${whereText(shape, list, out)}${tailText(shape, options, dialect, out)}`
    })
    return db.execute(text, [...values, ...tailValues(options)], 'arrays')
  }
  const find = async (db: Db, where: Where<R>, options: FindOptions): Promise<R[]> => {
    const { rows } = await select(db, all, where, options)
    for (let i = 0; i < rows.length; i++) rows[i] = decodeArray(rows[i] as unknown[])
    return rows as R[]
  }
  const keyOf = (key: Key<R>): Equal<R> => {
    const whole = typeof key === 'object' ? (key as Record<string, unknown>) : { [shape.primaryKey[0]!]: key }
    if (
      shape.primaryKey.some((part) => whole[part] === undefined) ||
      Object.keys(whole).length !== shape.primaryKey.length
    )
      throw new TypeError(`The key of ${name} is ${shape.primaryKey.join(', ')}`)
    return whole as Equal<R>
  }
  const encode = (row: Partial<R>): Record<string, SqlValue> => {
    const encoded: Record<string, SqlValue> = {}
    for (const [member, value] of Object.entries(row)) {
      const each = columnOf(shape, member)
      if (value !== undefined)
        encoded[each.databaseName] = encodeValue(each.column, value, `${name}.${member}`)
    }
    return encoded
  }

  return {
    ...shape,
    // The type alone is wanted.
    Row: undefined as unknown as R,
    columns: Object.fromEntries(shape.byName) as { [K in keyof C]: NamedColumn },
    async insert(db, rows) {
      const list = (Array.isArray(rows) ? rows : [rows]) as Record<string, unknown>[]
      const most = Math.max(1, Math.floor(maxBound / shape.list.length / 8))
      for (let start = 0; start < list.length; start += most)
        await insertSome(db, list.slice(start, start + most))
    },
    insertIfAbsent: async (db, row) =>
      (await insertSome(db, [row as Record<string, unknown>], { ignore: true })).changes > 0,
    async insertReturningId(db, row) {
      if (!auto) throw new TypeError(`${name} has no autoId`)
      const { rows, insertId } = await insertSome(db, [row as Record<string, unknown>], {
        returning: auto.databaseName,
      })
      return insertId ?? Number((rows[0] as Record<string, unknown>)[auto.databaseName])
    },
    get: async (db, key) => (await find(db, keyOf(key), {}))[0],
    find: (db, where = {}, options = {}) => find(db, where, options),
    first: async (db, where = {}, options = {}) => (await find(db, where, { ...options, limit: 1 }))[0],
    async count(db, where = {}) {
      const { rows } = await select(db, 'count(*)', where, {})
      return Number((rows[0] as unknown[])[0])
    },
    async update(db, where, change) {
      const encoded = encode(change)
      if (Object.keys(encoded).length === 0) return this.count(db, where)
      if (typeof where === 'function') {
        const { sql, parameters } = compileFiltered(
          where,
          queryInCamelCase(db.sql, shape).updateTable(name).set(encoded),
        )
        return (await db.execute(sql, parameters)).changes
      }
      const { key, list, values } = readConditions(shape, where)
      const names = shape.list.filter((each) => each.databaseName in encoded)
      const text = textFor(db.dialect, `update ${names.map((each) => each.name).join()} ${key}`, () =>
        updateText(
          shape,
          names.map((each) => each.name),
          list,
          dialects[db.dialect],
        ),
      )
      return (await db.execute(text, [...names.map((each) => encoded[each.databaseName]!), ...values]))
        .changes
    },
    async delete(db, where) {
      if (typeof where === 'function') {
        const { sql, parameters } = compileFiltered(where, queryInCamelCase(db.sql, shape).deleteFrom(name))
        return (await db.execute(sql, parameters)).changes
      }
      const { key, list, values } = readConditions(shape, where)
      const text = textFor(
        db.dialect,
        `delete ${key}`,
        () => `delete${from}${whereText(shape, list, writer(dialects[db.dialect]))}`,
      )
      return (await db.execute(text, values)).changes
    },
    decode,
    encode,
  }
}
