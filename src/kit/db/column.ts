// The kinds of column, and how a value of each goes into the database and out of it: the same on every dialect.
import { CloudError } from '../errors/cloud-error.ts'
import type { SqlValue } from './database.ts'

export type ColumnKind = 'id' | 'text' | 'int' | 'bigint' | 'real' | 'bool' | 'json' | 'time' | 'autoId'

/** `T` is the type in TypeScript; it exists for the compiler alone. */
export type Column<T = unknown> = {
  readonly kind: ColumnKind
  /** Characters, of text. Text without a length holds any, and can't be indexed. */
  readonly length?: number
  readonly nullable: boolean
  readonly type?: T
}

export type Columns = Record<string, Column>

/** A column as a table holds it: its name in TypeScript and in the database. */
export type NamedColumn = { readonly name: string; readonly databaseName: string; readonly column: Column }

const column = <T>(kind: ColumnKind, length?: number): Column<T> => ({ kind, length, nullable: false })

export const c = {
  /** A UUID with or without dashes, or another name of up to 36 characters; the primary key unless the table names one. */
  id: () => column<string>('id', 36),
  text: <T extends string = string>(length?: number) => column<T>('text', length),
  /** A whole number of 32 bits. */
  int: () => column<number>('int'),
  /** A whole number up to 2^53. */
  bigint: () => column<number>('bigint'),
  real: () => column<number>('real'),
  bool: () => column<boolean>('bool'),
  /** Kept as text, so that each dialect gives back just what was put in. Not for conditions. */
  json: <T>() => column<T>('json'),
  /** Milliseconds since the epoch. */
  time: () => column<number>('time'),
  /** A whole number given by the database, rising; the primary key. */
  autoId: (): Column<number> & { readonly kind: 'autoId' } => ({ kind: 'autoId', nullable: false }),
  nullable: <T>(inner: Column<T>): Column<T | null> => ({ ...inner, nullable: true }) as Column<T | null>,
}

const maxInt = 2 ** 31

/**
 * The value as it's bound. Refuses what one dialect would take and another would not, so that a test on SQLite finds
 * it: a missing value, a fraction in a whole number, text beyond its length.
 */
export function encodeValue(column: Column, value: unknown, where: string): SqlValue {
  if (value === null) {
    if (column.nullable) return null
    if (column.kind === 'json') return 'null'
    throw new TypeError(`${where} is null`)
  }
  switch (column.kind) {
    case 'id':
    case 'text':
      if (typeof value !== 'string') throw wrong(where, 'text', value)
      // It comes from requests, PostgreSQL takes it in no text, and no user has a use for it.
      if (value.includes('\0'))
        throw new CloudError('badRequest', 'Text must not hold the character NUL.', { detail: where })
      if (column.length !== undefined && value.length > column.length && [...value].length > column.length)
        throw new RangeError(`${where} is longer than ${column.length} characters`)
      return value
    case 'bool':
      if (typeof value !== 'boolean') throw wrong(where, 'a boolean', value)
      return value
    case 'real':
      if (typeof value !== 'number' || !Number.isFinite(value)) throw wrong(where, 'a number', value)
      return value
    case 'json': {
      const text = JSON.stringify(value)
      if (text === undefined) throw wrong(where, 'JSON', value)
      return text
    }
    case 'int':
      if (!Number.isInteger(value) || Math.abs(value as number) >= maxInt)
        throw wrong(where, 'a whole number of 32 bits', value)
      return value as number
    default:
      if (!Number.isSafeInteger(value)) throw wrong(where, 'a whole number', value)
      return value as number
  }
}

/** The expression, in generated code, that turns the raw value `raw` into the row's; `parse` is in scope. */
export function decodeExpression(column: Column, raw: string): string {
  if (column.kind === 'json')
    return column.nullable ? `(${raw} === null ? null : parse(${raw}))` : `parse(${raw})`
  if (column.kind === 'bool') return column.nullable ? `(${raw} === null ? null : !!${raw})` : `!!${raw}`
  return raw
}

function wrong(where: string, wanted: string, value: unknown): TypeError {
  return new TypeError(`${where} is not ${wanted}: ${typeof value === 'number' ? value : typeof value}`)
}

/** PostgreSQL cuts names at this many bytes. */
export const longestName = 63

/** `projectId` is `project_id` in the database. */
export function databaseName(name: string): string {
  if (!/^[a-z][A-Za-z0-9]*$/.test(name)) throw new Error(`${name} is not a column name in camel case`)
  const inDatabase = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  if (inDatabase.length > longestName)
    throw new Error(`${name} is longer than the ${longestName} that PostgreSQL keeps`)
  return inDatabase
}
