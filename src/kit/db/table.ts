// A table declared once: its row type, and typed reads and writes of it in camel case. Joins are written by hand with
// `db.sql`; `decode` turns their raw rows into ours.
import { type Column, type Columns, c, type NamedColumn } from './column.ts'
import type { Db, SqlValue } from './database.ts'
import type { Filter } from './filter.ts'
import { type Condition, keepTexts, readerOf } from './read.ts'
import { compileDecoders, type Shape, shapeOf } from './shape.ts'
import type { FindOptions, Range } from './statement.ts'
import { encodeRow, writerOf } from './write.ts'

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

/** Equality with each; null is IS NULL, a list is IN (an empty one matches nothing), a range is its bound. An undefined value throws. */
export type Plain<R> = { readonly [K in keyof R]?: R[K] | readonly R[K][] | Range<R[K]> }
export type Where<R> = Plain<R> | Filter<R>
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
  /** The same of many, in few statements. */
  insertAbsent(db: Db, rows: readonly NewRow<C>[]): Promise<void>
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
  const texts = keepTexts()
  const { decode, decodeArray } = compileDecoders<R>(shape)
  const read = readerOf<R>(shape, decodeArray, texts)
  const write = writerOf<R>(shape, texts)

  const keyOf = (key: Key<R>): Condition<R> => {
    const whole = (typeof key === 'object' ? key : { [shape.primaryKey[0]!]: key }) as Record<string, unknown>
    const fits = shape.primaryKey.every((part) => whole[part] !== undefined)
    if (!fits || Object.keys(whole).length !== shape.primaryKey.length)
      throw new TypeError(`The key of ${name} is ${shape.primaryKey.join(', ')}`)
    return whole
  }
  const plain = (given: unknown) => given as Record<string, unknown>
  const condition = (where: Where<R>) => where as Condition<R>

  return {
    ...shape,
    // The type alone is wanted.
    Row: undefined as unknown as R,
    columns: Object.fromEntries(shape.byName) as { [K in keyof C]: NamedColumn },
    insert: (db, rows) => write.insert(db, (Array.isArray(rows) ? rows : [rows]).map(plain)),
    insertIfAbsent: (db, row) => write.insertIfAbsent(db, plain(row)),
    insertAbsent: (db, rows) => write.insert(db, rows.map(plain), { ignore: true }),
    insertReturningId: (db, row) => write.insertReturningId(db, plain(row)),
    get: async (db, key) => (await read.find(db, keyOf(key), {}))[0],
    find: (db, where = {}, options = {}) => read.find(db, condition(where), options),
    first: async (db, where = {}, options = {}) =>
      (await read.find(db, condition(where), { ...options, limit: 1 }))[0],
    count: (db, where = {}) => read.count(db, condition(where)),
    async update(db, where, change) {
      const encoded = encodeRow(shape, plain(change))
      const nothing = Object.keys(encoded).length === 0
      return nothing ? read.count(db, condition(where)) : write.update(db, condition(where), encoded)
    },
    delete: (db, where) => write.delete(db, condition(where)),
    decode,
    encode: (row) => encodeRow(shape, plain(row)),
  }
}
