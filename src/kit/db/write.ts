// Writing a table's rows: inserts of one or many, updates and deletes judged by the rows they matched.
import { encodeValue, type NamedColumn } from './column.ts'
import type { Db, Outcome, SqlValue } from './database.ts'
import { dialects, quote } from './dialects.ts'
import { compileFiltered, queryInCamelCase } from './filter.ts'
import type { Condition, Texts } from './read.ts'
import { columnOf, type Shape } from './shape.ts'
import { insertText, maxBound, readConditions, updateText, whereText, writer } from './statement.ts'

type RowGiven = Record<string, unknown>

export type Writer<R> = {
  insert(db: Db, rows: readonly RowGiven[], ways?: { ignore?: boolean }): Promise<void>
  insertIfAbsent(db: Db, row: RowGiven): Promise<boolean>
  insertReturningId(db: Db, row: RowGiven): Promise<number>
  /** `encoded` is by database name, and not empty. */
  update(db: Db, where: Condition<R>, encoded: Record<string, SqlValue>): Promise<number>
  delete(db: Db, where: Condition<R>): Promise<number>
}

/** Rows of one statement; more than this gains nothing. */
const mostRows = 500

export function encodeRow(shape: Shape, row: RowGiven): Record<string, SqlValue> {
  const encoded: Record<string, SqlValue> = {}
  for (const [member, value] of Object.entries(row)) {
    const { column, databaseName } = columnOf(shape, member)
    if (value !== undefined) encoded[databaseName] = encodeValue(column, value, `${shape.name}.${member}`)
  }
  return encoded
}

export function writerOf<R>(shape: Shape, texts: Texts): Writer<R> {
  const { name } = shape
  const given = shape.list.filter((each) => each.column.kind !== 'autoId')
  const auto = shape.list.find((each) => each.column.kind === 'autoId')

  const boundValue = (row: RowGiven, each: NamedColumn): SqlValue => {
    const value = row[each.name]
    if (value !== undefined) return encodeValue(each.column, value, `${name}.${each.name}`)
    if (each.column.nullable) return null
    throw new TypeError(`${name}.${each.name} is missing`)
  }
  const insertSome = async (
    db: Db,
    rows: readonly RowGiven[],
    ways: { ignore?: boolean; returning?: string } = {},
  ): Promise<Outcome> => {
    const dialect = dialects[db.dialect]
    const list = auto && rows[0]![auto.name] !== undefined ? shape.list : given
    const ignore = ways.ignore ? dialect.ignoreExisting : { before: '', after: '' }
    const form = `insert ${rows.length} ${list.length} ${ways.ignore} ${ways.returning}`
    const text = texts(db.dialect, form, () => {
      const names = list.map((each) => each.databaseName)
      const returning = ways.returning ? dialect.returning(ways.returning) : ''
      return `insert${ignore.before} ${insertText(shape, names, rows.length, dialect)}${ignore.after}${returning}`
    })
    for (const row of rows) for (const member in row) columnOf(shape, member)
    return db.execute(
      text,
      rows.flatMap((row) => list.map((each) => boundValue(row, each))),
    )
  }

  return {
    async insert(db, rows, ways) {
      const most = Math.min(mostRows, Math.floor(maxBound / shape.list.length))
      for (let start = 0; start < rows.length; start += most)
        await insertSome(db, rows.slice(start, start + most), ways)
    },
    insertIfAbsent: async (db, row) => (await insertSome(db, [row], { ignore: true })).changes > 0,
    async insertReturningId(db, row) {
      if (!auto) throw new TypeError(`${name} has no autoId`)
      const { rows, insertId } = await insertSome(db, [row], { returning: auto.databaseName })
      return insertId ?? Number((rows[0] as RowGiven)[auto.databaseName])
    },
    async update(db, where, encoded) {
      if (typeof where === 'function') {
        const query = queryInCamelCase(db.sql, shape).updateTable(name).set(encoded)
        const { sql, parameters } = compileFiltered(where, query)
        return (await db.execute(sql, parameters)).changes
      }
      const { key, list, values } = readConditions(shape, where)
      const names = Object.keys(encoded)
      const text = texts(db.dialect, `update ${names} where ${key}`, () =>
        updateText(shape, names, list, dialects[db.dialect]),
      )
      return (await db.execute(text, [...Object.values(encoded), ...values])).changes
    },
    async delete(db, where) {
      if (typeof where === 'function') {
        const { sql, parameters } = compileFiltered(where, queryInCamelCase(db.sql, shape).deleteFrom(name))
        return (await db.execute(sql, parameters)).changes
      }
      const { key, list, values } = readConditions(shape, where)
      const text = texts(db.dialect, `delete ${key}`, () => {
        return `delete from ${quote(name)}${whereText(shape, list, writer(dialects[db.dialect]))}`
      })
      return (await db.execute(text, values)).changes
    },
  }
}
