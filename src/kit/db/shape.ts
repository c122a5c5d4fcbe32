// What the text of SQL needs to know of a table, without its types; and the generated code that decodes its rows.
import { type Columns, databaseName, decodeExpression, type NamedColumn } from './column.ts'

export type Shape = {
  readonly name: string
  readonly list: readonly NamedColumn[]
  readonly byName: ReadonlyMap<string, NamedColumn>
  /** Names in TypeScript, in order, as are the next two. */
  readonly primaryKey: readonly string[]
  readonly unique: readonly (readonly string[])[]
  readonly index: readonly (readonly string[])[]
}

export type Keys = {
  primaryKey?: readonly string[]
  unique?: readonly (readonly string[])[]
  index?: readonly (readonly string[])[]
}

export function shapeOf(name: string, columns: Columns, keys: Keys): Shape {
  const list = Object.entries(columns).map(([member, column]) => ({
    name: member,
    databaseName: databaseName(member),
    column,
  }))
  const auto = list.find((each) => each.column.kind === 'autoId')
  const primaryKey = keys.primaryKey ?? (auto ? [auto.name] : 'id' in columns ? ['id'] : undefined)
  if (!primaryKey) throw new TypeError(`${name} needs a primaryKey`)
  const shape: Shape = {
    name,
    list,
    byName: new Map(list.map((each) => [each.name, each])),
    primaryKey,
    unique: keys.unique ?? [],
    index: keys.index ?? [],
  }
  for (const members of [primaryKey, ...shape.unique, ...shape.index]) checkIndex(shape, members)
  return shape
}

/** MariaDB's limit for an index, with four bytes for each character. */
const longestIndexBytes = 3072

/** A text without a length, or too many long ones, can't be in an index on MariaDB: said here, not there. */
function checkIndex(shape: Shape, members: readonly string[]): void {
  let bytes = 0
  for (const member of members) {
    const { kind, length } = columnOf(shape, member).column
    if (kind === 'json' || (kind === 'text' && length === undefined))
      throw new TypeError(`${shape.name}.${member} is in an index and so needs a length`)
    bytes += length === undefined ? 8 : 4 * length
  }
  if (bytes > longestIndexBytes)
    throw new TypeError(`The index (${members.join(', ')}) of ${shape.name} is too long`)
}

export function columnOf(shape: Shape, name: string): NamedColumn {
  const found = shape.byName.get(name)
  if (!found) throw new TypeError(`${shape.name} has no column ${name}`)
  return found
}

export type Decoders<R> = { decode(raw: Record<string, unknown>): R; decodeArray(values: unknown[]): R }

/**
 * One object literal per table, generated: all rows of it have one hidden class, and no name is looked up per row.
 * Names come from declarations in our own source and are quoted as JSON.
 */
export function compileDecoders<R>(shape: Shape): Decoders<R> {
  const literal = (raw: (each: NamedColumn, position: number) => string) =>
    shape.list
      .map(
        (each, position) =>
          `${JSON.stringify(each.name)}: ${decodeExpression(each.column, raw(each, position))}`,
      )
      .join(', ')
  const make = (body: string) => new Function('parse', `return (raw) => ({ ${body} })`)(JSON.parse)
  return {
    decode: make(literal((each) => `raw[${JSON.stringify(each.databaseName)}]`)),
    decodeArray: make(literal((_, position) => `raw[${position}]`)),
  }
}
