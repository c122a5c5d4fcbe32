// Reading a table's rows: the text for each form of condition is built once, rows come as arrays and are decoded by
// generated code.
import type { Db, DialectName, Outcome } from './database.ts'
import { dialects, quote } from './dialects.ts'
import { compileFiltered, type Filter, queryInCamelCase } from './filter.ts'
import type { Decoders, Shape } from './shape.ts'
import {
  columnList,
  type FindOptions,
  readConditions,
  tailKey,
  tailText,
  tailValues,
  whereText,
  writer,
} from './statement.ts'

/** Text by dialect and form. */
export type Texts = (dialect: DialectName, form: string, build: () => string) => string

/** Forms are few; a caller that makes many (lists beyond the padding) must not fill the memory. */
const mostTexts = 2000

export function keepTexts(): Texts {
  const texts = new Map<string, string>()
  return (dialect, form, build) => {
    const key = `${dialect} ${form}`
    let text = texts.get(key)
    if (text === undefined) {
      text = build()
      if (texts.size >= mostTexts) texts.clear()
      texts.set(key, text)
    }
    return text
  }
}

/** Equality by name in camel case, or a callback. */
export type Condition<R> = Record<string, unknown> | Filter<R>

export type Reader<R> = {
  find(db: Db, where: Condition<R>, options: FindOptions): Promise<R[]>
  count(db: Db, where: Condition<R>): Promise<number>
}

export function readerOf<R>(shape: Shape, decodeArray: Decoders<R>['decodeArray'], texts: Texts): Reader<R> {
  const all = columnList(shape)
  const from = ` from ${quote(shape.name)}`
  /** By dialect, without columns: what a callback adds its conditions to. Kysely's builders never change. */
  const bare = new Map<DialectName, { compile(): { sql: string } }>()
  const bareOf = (db: Db) => {
    const found = bare.get(db.dialect)
    if (found) return found
    const made = queryInCamelCase(db.sql, shape).selectFrom(shape.name)
    bare.set(db.dialect, made)
    return made
  }

  const select = (
    db: Db,
    what: 'rows' | 'count',
    where: Condition<R>,
    options: FindOptions,
  ): Promise<Outcome> => {
    const dialect = dialects[db.dialect]
    if (typeof where === 'function') {
      const { sql, parameters } = compileFiltered(where, bareOf(db))
      // The columns are put in as text: to build and rename two dozen costs more than all the rest.
      const head = `select ${what === 'rows' ? all : 'count(*)'}`
      const text =
        head +
        sql.slice('select'.length) +
        tailText(shape, options, dialect, writer(dialect, parameters.length + 1))
      return db.execute(text, [...parameters, ...tailValues(options)], 'arrays')
    }
    const { key, list, values } = readConditions(shape, where)
    const text = texts(db.dialect, `${what} ${key}${tailKey(options)}`, () => {
      const out = writer(dialect)
      const head = `select ${what === 'rows' ? all : 'count(*)'}${from}`
      return `${head}${whereText(shape, list, out)}${tailText(shape, options, dialect, out)}`
    })
    return db.execute(text, [...values, ...tailValues(options)], 'arrays')
  }

  return {
    async find(db, where, options) {
      const { rows } = await select(db, 'rows', where, options)
      for (let i = 0; i < rows.length; i++) rows[i] = decodeArray(rows[i] as unknown[])
      return rows as R[]
    },
    async count(db, where) {
      const { rows } = await select(db, 'count', where, {})
      return Number((rows[0] as unknown[])[0])
    },
  }
}
