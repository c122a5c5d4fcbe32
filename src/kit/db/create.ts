// Creates a table from its live declaration, where it is absent: for databases without a history, as in tests.
import type { Db } from './database.ts'
import { type ColumnWord, ddl } from './ddl.ts'
import { columnOf, type Shape } from './shape.ts'

export async function createTable(db: Db, shape: Shape): Promise<void> {
  if (await tableExists(db, shape.name)) return
  const databaseNames = (members: readonly string[]) =>
    members.map((member) => columnOf(shape, member).databaseName)
  const columns = shape.list.map(({ databaseName, column: { kind, length, nullable } }) => {
    const word = `${kind}${kind === 'text' && length !== undefined ? `(${length})` : ''}${nullable ? '?' : ''}`
    return [databaseName, word as ColumnWord] as const
  })
  await ddl(db).createTable(shape.name, Object.fromEntries(columns), {
    primaryKey: databaseNames(shape.primaryKey),
    unique: shape.unique.map(databaseNames),
    index: shape.index.map(databaseNames),
  })
}

async function tableExists(db: Db, name: string): Promise<boolean> {
  return (await db.sql.introspection.getTables()).some((table) => table.name === name && !table.isView)
}
