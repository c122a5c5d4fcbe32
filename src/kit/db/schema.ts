// Compares a live database with the declarations: what the migrations made must be what the program believes.
import type { Column } from './column.ts'
import type { Db } from './database.ts'
import { type LiveTable, readSchema } from './introspect.ts'
import { columnOf, type Shape } from './shape.ts'

/** A sentence for each difference, in the database's names; empty where there is none. */
export async function schemaDifferences(db: Db, tables: readonly Shape[]): Promise<string[]> {
  const live = await readSchema(db)
  const declared = new Set(['schema_migration', 'schema_migration_step', ...tables.map((each) => each.name)])
  const extra = [...live.keys()]
    .filter((name) => !declared.has(name))
    .map((name) => `table ${name} is not declared`)
  return [...tables.flatMap((shape) => differencesOf(shape, live.get(shape.name))), ...extra].sort()
}

function differencesOf(shape: Shape, live: LiveTable | undefined): string[] {
  if (!live) return [`table ${shape.name} is missing`]
  const found: string[] = []
  for (const { databaseName, column } of shape.list) {
    const there = live.columns.get(databaseName)
    const name = `${shape.name}.${databaseName}`
    if (!there) {
      found.push(`${name} is missing`)
      continue
    }
    const wanted = typeWord(column)
    if (there.type !== wanted) found.push(`${name} is ${there.type}, declared ${wanted}`)
    if (there.nullable !== column.nullable && column.kind !== 'autoId')
      found.push(
        `${name} ${there.nullable ? 'may' : "can't"} be null, declared ${column.nullable ? 'nullable' : 'not'}`,
      )
  }
  const declared = new Set(shape.list.map((each) => each.databaseName))
  for (const name of live.columns.keys())
    if (!declared.has(name)) found.push(`${shape.name}.${name} is not declared`)

  const databaseNames = (members: readonly string[]) =>
    members.map((member) => columnOf(shape, member).databaseName).join(', ')
  const primaryKey = databaseNames(shape.primaryKey)
  if (live.primaryKey.join(', ') !== primaryKey)
    found.push(`primary key of ${shape.name} is (${live.primaryKey.join(', ')}), declared (${primaryKey})`)
  const lists = (what: string, there: string[][], wanted: readonly (readonly string[])[]) => {
    const has = new Set(there.map((each) => each.join(', ')))
    const wants = new Set(wanted.map(databaseNames))
    for (const each of wants) if (!has.has(each)) found.push(`${what} (${each}) of ${shape.name} is missing`)
    for (const each of has)
      if (!wants.has(each)) found.push(`${what} (${each}) of ${shape.name} is not declared`)
  }
  lists('unique', live.unique, shape.unique)
  lists('index', live.index, shape.index)
  return found
}

function typeWord({ kind, length }: Column): string {
  if (kind === 'id' || kind === 'text') return length === undefined ? 'text' : `text(${length})`
  if (kind === 'json') return 'text'
  return kind === 'time' ? 'bigint' : kind
}
